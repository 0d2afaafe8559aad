"""Network and task made a second time, before anything starts.

Each worker, and each attempt, makes its own. So two of them must begin with the same values, and
measure the same whatever one of them has been through; and what `summarise` returns must depend on
its arguments alone, since sums and collected bytes are all that gets from one worker to another.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout, suppress
from io import StringIO
from typing import Any

from torch import Tensor

from distnet.data.batch import Batch
from distnet.launch.rehearsal.subject import Subject
from distnet.spec.code.fresh import FreshModules, own_modules
from distnet.spec.code.importer import packages_of
from distnet.spec.plural import listed
from distnet.spec.sections.section import is_own_kind
from distnet.tasks.checked import unwrapped
from distnet.tasks.task import NETWORK, Measured, Networks, Summary, Task, players_of, shadows_of
from distnet.train.checkpoint.extra_state import extra_states, set_extra_states
from distnet.train.compute.evaluate import Evaluation
from distnet.train.compute.parts import build_network, build_task
from distnet.train.compute.shadows import networks_for
from distnet.train.inventory.digest import digests
from distnet.train.inventory.flat import FlatNetwork
from distnet.train.step.plain_state import OwnParts, changed, plain_state
from distnet.train.step.verdict import ANYWAY, DRAWS, KEPT, names_of

MOST_BYTES = 256_000_000
"""A larger network is not made a second time, to save memory."""
Values = Mapping[str, int]


def first_values(subject: Subject) -> Values:
    """Digest each parameter and buffer before anything is computed.

    Returns:
        By name; empty where nothing is to be compared: without guard, of shipped parts, or of a
        large network.
    """
    job, weights = subject.file.job, subject.flat.weights()
    is_own = any(is_own_kind(part.kind) for part in (job.network, job.task))
    is_small = sum(tensor.nbytes for tensor in weights.values()) <= MOST_BYTES
    return _digested(subject.flat) if is_own and is_small and job.train.guard == "on" else {}


@contextmanager
def unchanged_by_evaluation(subject: Subject) -> Iterator[None]:
    """Take back what an evaluation does to buffers, as training does; refuse other changes.

    Raises:
        JobFileError: it has changed a parameter.
    """
    buffers, before = subject.flat.buffers.read(), _digested(subject.flat)
    yield
    subject.flat.buffers.write(buffers)
    after = _digested(subject.flat)
    if names := [name for name in after if after[name] != before.get(name)]:
        what = names_of("the parameter", names)
        raise subject.file.fault(
            "network.kind",
            f"an evaluation changes {what}, so the weights would depend on which worker measures "
            "which samples; change weights in training alone",
        )


def require_same_again(subject: Subject, first: Values, evaluation: Evaluation | None) -> list[str]:
    """Compare with a network and a task that have computed nothing so far.

    Args:
        subject: what has trained and measured a few samples.
        first: the values with which its network began.
        evaluation: what it has measured; None to compare the first values alone.

    Returns:
        What the user should know.

    Raises:
        JobFileError: the second one begins with other values, or measures something else.
    """
    second = _Second(subject)
    try:
        second.make()
    except Exception:  # whatever a constructor raises that is called twice
        return []
    again = _digested(second.flat)
    if differing := [name for name in again if again[name] != first.get(name)]:
        raise subject.file.fault("network.kind", f"{_begins(differing)}. {ANYWAY}")
    if evaluation is None or hasattr(subject.task, "evaluation_feed"):
        return []
    with suppress(ArithmeticError):  # as in the first evaluation
        return _compared(subject, second, evaluation)
    return []


def _compared(subject: Subject, second: "_Second", evaluation: Evaluation) -> list[str]:
    (mine, other), plain = second.summaries_of_first()
    if wrong := _differing(mine.metrics, other.metrics if other else {}):
        name = f"{type(unwrapped(subject.task)).__name__}.summarise"
        raise subject.file.fault("task", f"{_summary(name, wrong, plain)}. {ANYWAY}")
    again = second.evaluation()
    wrong = _differing(evaluation.metrics, again.metrics)
    if not wrong and str(evaluation.worst) == str(again.worst):
        return []
    third = _Second(subject)
    third.make()
    others = third.evaluation().metrics, second.evaluation().metrics
    if all(unlike := [_differing(again.metrics, other) for other in others]):
        return [f"each evaluation measures something different ({unlike[0]}); {DRAWS}"]
    is_own = is_own_kind(subject.file.job.network.kind)
    is_network = is_own and not (plain and all(name.startswith("task.") for name in plain))
    key = "network.kind" if is_network else "task"
    raise subject.file.fault(key, f"{_past(wrong, plain)}. {ANYWAY}")


class _Second:
    """A network and two tasks that have computed nothing, from modules imported anew."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._fresh = FreshModules(packages_of(subject.flat.network, unwrapped(subject.task)))

    def make(self) -> None:
        """Make them, with the first values of the network."""
        job, data, folder = (
            self._subject.file.job,
            self._subject.seen,
            self._subject.file.code_folder,
        )
        with self._fresh.used(), redirect_stdout(StringIO()):  # they have printed it already
            self.task, self._summarising = (build_task(job, data, folder) for _ in range(2))
            network = build_network(job, self.task, folder)
            self.flat = FlatNetwork(network, players=players_of(self.task))

    def summaries_of_first(self) -> tuple[tuple[Summary, Summary | None], tuple[str, ...]]:
        """Let the first network and task measure again; how two tasks summarise what they find.

        Returns:
            The two summaries, the second of a task that has measured nothing (None: it raised an
            error), and the state that measuring has changed.
        """
        subject, packages = (
            self._subject,
            packages_of(self._subject.flat.network, unwrapped(self._subject.task)),
        )
        own = OwnParts(subject.networks, subject.task, own_modules(packages))
        found: list[tuple[Summary, Summary | None]] = []
        before, buffers = plain_state(own), subject.flat.buffers.read()

        def summarise(sums: Tensor, collected: Sequence[bytes]) -> Summary:
            mine, other = subject.task.summarise(sums, collected), None
            with self._fresh.used(), suppress(Exception):
                other = self._summarising.summarise(sums, collected)
            found.append((mine, other))
            return mine

        _measured(subject, subject.networks, _Apart(subject.task, summarise))
        subject.flat.buffers.write(buffers)
        return found[0], changed(before, plain_state(own))

    def evaluation(self) -> Evaluation:
        """Measure with the weights, buffers and extra state of the first."""
        subject = self._subject
        self.flat.load(subject.flat.weights())
        set_extra_states(self.flat.network, extra_states(subject.flat.network))
        networks = {**subject.networks, NETWORK: self.flat.network}
        with self._fresh.used(), redirect_stdout(StringIO()):
            return _measured(subject, networks, _Apart(self.task, self._summarising.summarise))


class _Apart:
    """Measures with a task and summarises with something else, as several workers do."""

    def __init__(self, task: Task, summarise: Callable[[Tensor, Sequence[bytes]], Summary]) -> None:
        self._task, self.summarise = task, summarise
        self.collects: bool = getattr(task, "collects", False)
        self.numbered: bool = getattr(task, "numbered", False)

    def measure(self, networks: Networks, batch: Batch) -> Measured:
        """Measure one batch."""
        return self._task.measure(networks, batch)


def _measured(subject: Subject, networks: Networks, task: Any) -> Evaluation:
    with subject.samples.evaluation(subject.task) as feed:
        used = networks_for("evaluation", networks, shadows_of(subject.task))
        return subject.evaluator(feed, task)(used)


def _digested(flat: FlatNetwork) -> Values:
    weights = flat.weights()
    return dict(zip(weights, digests(list(weights.values())), strict=True))


def _differing(one: Mapping[str, float], other: Mapping[str, float]) -> str:
    """The metrics that differ; NaN is as NaN."""
    return ", ".join(name for name in one if repr(one[name]) != repr(other.get(name)))


def _begins(names: Sequence[str]) -> str:
    return (
        "made twice from the same seed, the network begins with different values in "
        f"{listed(names, 1)}; set all of them in the constructor. There too, {DRAWS}"
    )


def _summary(name: str, metrics: str, plain: Sequence[str]) -> str:
    state = f", such as {names_of('the state', plain)}" if plain else ""
    return (
        f"what {name} returns ({metrics}) depends on more than its arguments{state}. It is called "
        "on one worker alone: let measure return all that it needs, as sums or collected bytes"
    )


def _past(metrics: str, plain: Sequence[str]) -> str:
    what = f" by {names_of('the state', plain)}" if plain else ""
    return (
        f"what an evaluation measures ({metrics or 'of some samples'}) depends on what was "
        f"computed before{what}, so other workers, and a resumed run, would compute something "
        f"else. To mend it, {KEPT}; in place of a generator of your own, {DRAWS}"
    )
