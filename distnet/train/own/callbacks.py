"""A user's own callbacks, called by the reporter of rank 0, in the order of the loop.

    start       the attempt begins, at the step of its checkpoint
    step        a step has moved the weights
    evaluated   a split was measured
    checkpoint  one was written; called before the next step
    end         the attempt has finished or stopped by itself

A callback has any of these as methods, each with one argument: the `Training`. What it remembers
is in `callback_state.py`.
"""

from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import Tensor

from distnet.errors import PartError
from distnet.run_folder.assignment import Assignment
from distnet.run_folder.records.recorder import Emit, Record
from distnet.spec.code.own_errors import own_errors
from distnet.spec.parts import load_own_part
from distnet.spec.sections.section import OwnPart
from distnet.train.checkpoint.position import Position
from distnet.train.compute.evaluate import Evaluation
from distnet.train.compute.trainee import Trainee
from distnet.train.device.arithmetic import settings_kept
from distnet.train.final import Final
from distnet.train.own.callback_state import callback_tensors, require_both, restore_callback
from distnet.train.own.training import Training
from distnet.train.progress import Progress
from distnet.train.reporter import RecordReporter
from distnet.train.step.nonfinite import Skipped

EVENTS = ("start", "step", "evaluated", "checkpoint", "end")
Event = Callable[[Training], object]


class Callbacks:
    """Reports to the records first, and then to the callbacks of a job.

    Args:
        reporter: of the records.
        emit: appends a record.
        trainee: what trains.
        assignment: the attempt.

    Raises:
        UnknownPartError: a callback cannot be loaded.
        PartError: one has no method that is called, or raised an error.
    """

    def __init__(
        self, reporter: RecordReporter, emit: Emit, trainee: Trainee, assignment: Assignment
    ) -> None:
        self._reporter, self._emit = reporter, emit
        self._steps_per_epoch = trainee.feed.steps_per_epoch
        self._training = Training(trainee, assignment)
        self._saved = deque[int]()
        """Steps of checkpoints that no callback has seen yet."""
        self._callbacks = _made(trainee.job.callbacks, assignment)
        self._stops: dict[str, str] = {}
        """By name, why the callback that ends training does so."""
        self._is_ending = False
        """Whether the loop knows that, and makes its last step."""

    def should_end(self) -> bool:
        """Whether a callback wants training to end."""
        self._is_ending = bool(self._stops)
        return self._is_ending

    def kept(self) -> dict[str, Tensor]:
        """What a checkpoint holds of the callbacks now; empty if they keep nothing.

        Raises:
            PartError: one failed, or its state is none that a checkpoint can hold.
        """
        return callback_tensors(self._callbacks, {} if self._is_ending else self._stops)

    def restore(self, states: Mapping[str, bytes]) -> None:
        """Give the callbacks what a checkpoint holds of them; the others begin anew.

        Raises:
            PartError: one failed.
        """
        for name, callback in self._callbacks.items():
            stop = restore_callback(name, callback, states[name]) if name in states else None
            if stop is not None:
                self._stops[name] = stop

    def emit(self, record: Record) -> None:
        """Append a record, and note a checkpoint; called by other threads, too."""
        self._emit(record)
        if record["kind"] == "checkpoint":
            self._saved.append(record["step"])

    def begin(self, position: Position, notes: tuple[str, ...]) -> None:
        """The attempt begins at `position`."""
        self._reporter.begin(position, notes)
        self._at(position)
        self._call("start")

    def note(self, text: str) -> None:
        """Something that the user should know."""
        self._reporter.note(text)

    def step(self, step: int, epoch: int, facts: dict[str, float], progress: Progress) -> None:
        """A step moved the weights."""
        metrics = progress.read_step() | facts
        self._reporter.step(step, epoch, facts, progress)
        self._call_for_checkpoints()
        self._training.step, self._training.epoch = step, epoch
        self._call("step", metrics)

    def skip(self, skipped: Skipped) -> None:
        """A step moved nothing."""
        self._reporter.skip(skipped)

    def epoch(
        self, position: Position, progress: Progress, speed: float, evaluation: Evaluation | None
    ) -> None:
        """An epoch ends at `position`."""
        self._reporter.epoch(position, progress, speed, evaluation)
        self._at(position)
        if evaluation is not None:
            self._call_for(evaluation, self._reporter.split)

    def final(self, step: int, final: Final) -> None:
        """What is measured once, after the last step."""
        self._reporter.final(step, final)
        self._call_for(final.evaluation, final.split)

    def end(
        self, status: str, position: Position, median_step_s: float | None, early: str | None
    ) -> None:
        """The attempt ended by itself."""
        self._at(position)
        self._call_for_checkpoints()
        self._call("end")
        self._reporter.end(status, position, median_step_s, early)

    def _at(self, position: Position) -> None:
        self._training.step = position.step
        self._training.epoch = -(-position.step // self._steps_per_epoch)

    def _call_for(self, evaluation: Evaluation, split: str) -> None:
        self._training.split = split
        self._call("evaluated", evaluation.metrics)
        self._training.split = ""

    def _call_for_checkpoints(self) -> None:
        while self._saved:
            self._saved.popleft()
            self._call("checkpoint")

    def _call(self, event: str, metrics: Mapping[str, float] | None = None) -> None:
        """Call the method of each callback; torch's settings stay as they are."""
        training = self._training
        training.metrics = metrics or {}
        for name, callback in self._callbacks.items():
            method: Event | None = getattr(callback, event, None)
            if method is not None:
                with own_errors(f"callback {name}"), settings_kept():
                    method(training)
            self._keep(name)
        training.metrics = {}

    def _keep(self, name: str) -> None:
        """Record what a callback has logged, and that it has ended the training."""
        training = self._training
        if training.logged:
            self._emit({"kind": "logged", "step": training.step, "logged": training.logged})
            training.logged = {}
        if training.stop_reason is not None and not self._stops:
            self._stops[name] = training.stop_reason
            last = f"step {training.step + 1:,}"
            self.note(f"callback {name} ends training after {last}: {training.stop_reason}")


def require_events(cls: type[Any], what: str) -> None:
    """Refuse a class that has none of the methods that are called.

    Raises:
        PartError: it has none, or saves a state that it does not load.
    """
    require_both(cls, what)
    if not any(callable(getattr(cls, event, None)) for event in EVENTS):
        known: Sequence[str] = EVENTS
        raise PartError(
            f"{what}: {cls.__name__} has no method that is called; expected one or more of: "
            f"{', '.join(known)}, each with one argument, the training"
        )


def _made(parts: Sequence[OwnPart], assignment: Assignment) -> dict[str, Any]:
    """Make the callbacks, by their names: `./watch.py:Norms`, and of two of a kind `... (2)`."""
    found, seen = dict[str, Any](), Counter[str]()
    for part in parts:
        seen[part.kind] += 1
        number = seen[part.kind]
        name = part.kind if number == 1 else f"{part.kind} ({number})"
        cls, options = load_own_part(part, folder=assignment.code_folder)
        require_events(cls, f"callback {name}")
        with own_errors(f"callback {name}"), settings_kept():
            found[name] = cls(**options)
    return found
