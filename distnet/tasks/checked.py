"""A user's own task, whose members are checked when it is loaded and each time they are used."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from torch import Tensor

from distnet.data.batch import Batch
from distnet.errors import PartError
from distnet.run_folder.records.kinds import RESERVED
from distnet.spec.code.own_errors import described, require_members
from distnet.tasks.per_sample import PerSample, PerSampleTask
from distnet.tasks.returned import (
    checked_images,
    checked_loss,
    checked_losses,
    checked_measured,
    checked_metrics,
    checked_names,
    checked_prediction,
    checked_predictions,
    checked_scores,
    checked_shown,
    checked_summary,
    checked_sums,
)
from distnet.tasks.task import (
    FirstSamples,
    Loss,
    Measured,
    Networks,
    Phase,
    Shadow,
    Shown,
    Summary,
    Task,
)

WHOLE = ("metrics", "network_arguments", "loss", "measure", "summarise", "predict")
PER_SAMPLE = ("metrics", "num_outputs", "training", "losses", "sums", "summarise", "prediction")


class _Own:
    """Passes on what it does not check itself."""

    def __init__(self, task: Any) -> None:
        self._own = task

    def __getattr__(self, name: str) -> Any:
        if name == "_own":  # not yet set, while a copy is made
            raise AttributeError(name)
        return getattr(self._own, name)


class CheckedTask(_Own):
    """Checks a whole task.

    Raises:
        PartError: it is incomplete, or what it declares is not what it should be.
    """

    def __init__(self, task: Any, what: str) -> None:
        require_members(task, what, WHOLE)
        super().__init__(task)
        self.metrics = checked_metrics(task, task.metrics)
        _require_all(task, "phases", Phase, list | tuple)
        _require_all(task, "shadows", Shadow, list | tuple)
        _require_all(task, "players", str, Mapping)
        _require_all(task, "gathers", str, list | tuple)
        for phase in getattr(task, "phases", ()):
            where = f"{type(task).__name__}.phases: metrics of {phase.name}"
            checked_names(where, phase.metrics, RESERVED)
        if hasattr(task, "show"):
            self.show = self._show
        if hasattr(task, "sample"):
            self.sample = self._sample

    @property
    def network_arguments(self) -> tuple[Any, ...]:
        """What the network's constructor takes by position."""
        found = self._own.network_arguments
        if not isinstance(found, list | tuple):
            raise _wrong(self._own, "network_arguments", found, "a tuple, such as (data.x.shape,)")
        return tuple(found)

    def loss(self, networks: Networks, batch: Batch, phase: Phase) -> Loss:
        """The loss of one slice."""
        return checked_loss(self._own, self._own.loss(networks, batch, phase), phase, len(batch))

    def measure(self, networks: Networks, batch: Batch) -> Measured:
        """The measurements of one batch."""
        found, collects = self._own.measure(networks, batch), getattr(self._own, "collects", False)
        return checked_measured(self._own, found, len(batch), collects=collects)

    def summarise(self, sums: Tensor, collected: Sequence[bytes]) -> Summary:
        """The summary of an evaluation, as plain values."""
        return checked_summary(self._own, self._own.summarise(sums, collected), self.metrics)

    def predict(self, networks: Networks, batch: Batch) -> list[dict[str, Any]]:
        """The prediction of each sample, as plain values."""
        return checked_predictions(self._own, self._own.predict(networks, batch), len(batch))

    def _show(self, networks: Networks, first: FirstSamples) -> Shown:
        return checked_shown(self._own, self._own.show(networks, first))

    def _sample(
        self, networks: Networks, seed: int, numbers: Sequence[int], of_class: int | None = None
    ) -> Tensor:
        found = self._own.sample(networks, seed, numbers, of_class)
        return checked_images(self._own, found, len(numbers))


class CheckedPerSampleTask(_Own):
    """Checks a task with one output and one target a sample.

    Raises:
        PartError: it is incomplete, or what it declares is not what it should be.
    """

    def __init__(self, task: Any, what: str) -> None:
        is_trained = bool(getattr(task, "training", ()))
        require_members(task, what, (*PER_SAMPLE, *(("scores",) if is_trained else ())))
        super().__init__(task)
        self.metrics = checked_metrics(task, task.metrics)
        self.training = checked_names(f"{type(task).__name__}.training", task.training, RESERVED)
        if not _is_count(task.num_outputs):
            raise _wrong(task, "num_outputs", task.num_outputs, "a whole number above 0")
        self.num_outputs = int(task.num_outputs)

    def losses(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The loss of each sample."""
        found = self._own.losses(outputs, targets)
        return checked_losses(self._own, "losses", found, len(outputs))

    def scores(self, outputs: Tensor, targets: Tensor) -> dict[str, Tensor]:
        """The training metrics of each sample."""
        found = self._own.scores(outputs, targets)
        return checked_scores(self._own, found, self.training, len(outputs))

    def sums(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The sums over the samples."""
        return checked_sums(self._own, "sums", self._own.sums(outputs, targets))

    def summarise(self, sums: Tensor, *collected: Sequence[bytes]) -> Summary:
        """The summary of an evaluation, as plain values."""
        return checked_summary(self._own, self._own.summarise(sums, *collected), self.metrics)

    def prediction(self, output: Tensor) -> dict[str, Any]:
        """One prediction, as plain values."""
        return checked_prediction(self._own, "prediction", self._own.prediction(output))


def checked_whole(task: object, what: str) -> Task:
    """Wrap a user's own task; `what` names it in errors."""
    return cast(Task, CheckedTask(task, what))


def checked_per_sample(task: object, what: str) -> PerSampleTask:
    """Wrap a user's own task with one output and one target a sample."""
    return cast(PerSampleTask, CheckedPerSampleTask(task, what))


def unwrapped(task: object) -> Any:
    """The user's own object, or that of a shipped task, without what adapts and checks it."""
    inner = task.task if isinstance(task, PerSample) else task
    return inner._own if isinstance(inner, _Own) else inner


def _require_all(task: object, name: str, kind: type, container: Any) -> None:
    """Refuse an optional member that does not hold what it should."""
    found = getattr(task, name, None)
    if found is None:
        return
    values = found.values() if isinstance(found, Mapping) else found
    if not isinstance(found, container) or not all(isinstance(each, kind) for each in values):
        plural = "dict" if container is Mapping else "tuple"
        raise _wrong(task, name, found, f"a {plural} of {kind.__name__}")


def _wrong(task: object, name: str, found: object, expected: str) -> PartError:
    return PartError(f"{type(task).__name__}.{name}: found {described(found)}, expected {expected}")


def _is_count(value: Any) -> bool:
    try:
        return int(value) == value and int(value) > 0
    except (TypeError, ValueError):
        return False
