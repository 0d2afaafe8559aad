"""What rank 0 reports of an attempt: records of steps, epochs, restarts and its end.

Other ranks have a `NullReporter`, so the loop does not depend on the rank.
"""

import time
from typing import Protocol

from distnet.run_folder.assignment import Assignment
from distnet.run_folder.records.kinds import key_of_split
from distnet.run_folder.records.recorder import Emit, Record
from distnet.spec.packages.requirements import packages_of
from distnet.train.checkpoint.position import Position
from distnet.train.compute.evaluate import Evaluation
from distnet.train.compute.trainee import Trainee
from distnet.train.device.fingerprint import records
from distnet.train.exchange.worker_group import WorkerGroup
from distnet.train.final import Final
from distnet.train.progress import Progress
from distnet.train.step.nonfinite import Skipped

MOST_RECORDS = 2000
"""About as many steps of a run are recorded, and at least one a second."""
LONGEST_GAP_S = 1.0
BURST, PER_S = 100.0, 10.0
"""But at most this many at once, and this many a second after that."""


class Reporter(Protocol):
    """Receives everything that the records of a run contain."""

    def begin(self, position: Position, notes: tuple[str, ...]) -> None:
        """The attempt begins at `position`."""

    def note(self, text: str) -> None:
        """Something that the user should know."""

    def step(self, step: int, epoch: int, facts: dict[str, float], progress: Progress) -> None:
        """A step moved the weights; `step` and `epoch` count from 1."""

    def skip(self, skipped: Skipped) -> None:
        """A step moved nothing."""

    def epoch(
        self, position: Position, progress: Progress, speed: float, evaluation: Evaluation | None
    ) -> None:
        """An epoch ends at `position`; it was trained at `speed` samples/s."""

    def end(
        self, status: str, position: Position, median_step_s: float | None, early: str | None
    ) -> None:
        """The attempt ended by itself; `early` says why before its last step."""


class NullReporter:
    """Reports nothing: for all ranks but one."""

    def begin(self, position: Position, notes: tuple[str, ...]) -> None:
        """Report nothing."""

    def note(self, text: str) -> None:
        """Report nothing."""

    def step(self, step: int, epoch: int, facts: dict[str, float], progress: Progress) -> None:
        """Report nothing."""

    def skip(self, skipped: Skipped) -> None:
        """Report nothing."""

    def epoch(
        self, position: Position, progress: Progress, speed: float, evaluation: Evaluation | None
    ) -> None:
        """Report nothing."""

    def end(
        self, status: str, position: Position, median_step_s: float | None, early: str | None
    ) -> None:
        """Report nothing."""


class RecordReporter:
    """Emits records.

    Args:
        emit: appends a record to `metrics.jsonl`.
        trainee: what trains.
        assignment: the attempt.
        group: the workers.
    """

    def __init__(
        self, emit: Emit, trainee: Trainee, assignment: Assignment, group: WorkerGroup
    ) -> None:
        self._emit, self._trainee = emit, trainee
        self._assignment, self._group = assignment, group
        self.split = key_of_split(trainee.split)
        """What is evaluated, as records name it."""
        self._every = max(1, trainee.num_steps // MOST_RECORDS)
        self.speeds: tuple[float, ...] = ()
        """Training samples/s of each whole epoch."""
        self.first_step_s: float | None = None
        """Seconds from the user's command to the first step."""
        self._began = self._emitted = time.monotonic()
        self._budget = float(BURST)
        self._first_step, self._is_whole = 1, True
        self._has_noted = False

    def begin(self, position: Position, notes: tuple[str, ...]) -> None:
        """Emit the record of the attempt."""
        trainee, assignment = self._trainee, self._assignment
        self._first_step = position.step + 1
        self._is_whole = position.step % trainee.feed.steps_per_epoch == 0
        self._emit(
            {
                "kind": "attempt",
                "run": assignment.folder.name,
                "launch": assignment.launch,
                "cause": assignment.cause,
                "workers": self._group.size,
                "workers_before": assignment.workers_before,
                "slices": trainee.job.num_slices,
                "step": position.step,
                **position.digests(),
                "num_steps": trainee.num_steps,
                "num_epochs": trainee.num_steps / trainee.feed.steps_per_epoch,
                "metrics": [metric.to_dict() for metric in trainee.task.metrics],
                "split": self.split,
                "precision": assignment.precision,
                "devices": records(self._group.fingerprints),
                "code": assignment.code_sha256 or None,
                "packages": packages_of(assignment.packages),
                "packages_seconds": assignment.packages_s,
                "time": time.time(),
            }
        )
        for text in notes:
            self.note(text)

    def note(self, text: str) -> None:
        """Emit a note."""
        self._emit({"kind": "note", "text": text})

    def step(self, step: int, epoch: int, facts: dict[str, float], progress: Progress) -> None:
        """Emit the mean of the steps since the last record, if a record is due."""
        if step == self._first_step:
            self._report_first_step()
        if step != 1 and not self._is_due(step):
            return
        now = time.monotonic()
        means, speed = progress.read()
        if not means:  # no sample had any weight, as before a replay is warm
            return
        record: Record = {"kind": "step", "step": step, "epoch": epoch, **means, **facts}
        self._emit(record | {"samples_per_second": speed, "seconds": now - self._began})

    def skip(self, skipped: Skipped) -> None:
        """Emit the record of a step that moved nothing."""
        self._emit({"kind": "skip", **skipped.to_dict()})

    def epoch(
        self, position: Position, progress: Progress, speed: float, evaluation: Evaluation | None
    ) -> None:
        """Emit the record of an epoch."""
        steps = self._trainee.feed.steps_per_epoch
        record: Record = {"kind": "epoch", "epoch": -(-position.step // steps)}
        record |= {"step": position.step, "train": progress.read_epoch()}
        if evaluation is not None:
            record[self.split] = evaluation.metrics
        record |= {**position.digests(), "samples_per_second": speed}
        self._emit(record | {"seconds": time.monotonic() - self._began})
        self._note_evaluation(position.step, evaluation)
        if self._is_whole and position.step % steps == 0:
            self.speeds += (speed,)
        self._is_whole = True

    def final(self, step: int, final: Final) -> None:
        """Emit what is measured once, after the last step, on a split of its own."""
        record: Record = {"kind": "final", "step": step, "weights_step": final.weights_step}
        self._emit(record | {"split": final.split, "metrics": final.evaluation.metrics})
        if (text := final.evaluation.note(final.split)) is not None:
            self.note(text)

    def end(
        self, status: str, position: Position, median_step_s: float | None, early: str | None
    ) -> None:
        """Emit the record of the attempt's end; say why it came early."""
        if early is not None:
            self.note(early)
        self._emit(
            {
                "kind": "end",
                "status": status,
                "early": early,
                "step": position.step,
                **position.digests(),
                "seconds": time.monotonic() - self._began,
                "median_step_seconds": median_step_s,
                "error": None,
                "failure": None,
            }
        )

    def _note_evaluation(self, step: int, evaluation: Evaluation | None) -> None:
        """Say, once an attempt, that an evaluation is not finite."""
        text = evaluation.note(self._trainee.split) if evaluation is not None else None
        if text is not None and not self._has_noted:
            self._has_noted = True
            self.note(f"after step {step:,} {text}")

    def _is_due(self, step: int) -> bool:
        """Whether a step is recorded: a share of them, within the budget."""
        passed = time.monotonic() - self._emitted
        if step % self._every and passed < LONGEST_GAP_S:
            return False
        budget = min(BURST, self._budget + passed * PER_S)
        if budget < 1.0:
            return False
        self._emitted, self._budget = self._emitted + passed, budget - 1.0
        return True

    def _report_first_step(self) -> None:
        """Emit the cost of a restart; keep the time from the command to the first step."""
        now, assignment = time.time(), self._assignment
        self.first_step_s = now - assignment.process_started
        if assignment.began_waiting > 0:
            record = {"kind": "restart", "cause": assignment.cause, "step": self._first_step - 1}
            record |= {"from": assignment.workers_before, "to": self._group.size}
            self._emit(record | {"seconds": now - assignment.began_waiting})
