"""The lines of `metrics.jsonl`, read into frozen values.

A process that dies while it writes leaves a torn line: at the end of the file, or just before the
record of the attempt's end or of the next attempt, which may follow on the same line. Torn lines
are ignored; any other line that is not a record is reported as damage.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from distnet.errors import RunError
from distnet.run_folder.records.kinds import (
    LINE,
    Attempt,
    Checkpoint,
    End,
    Epoch,
    Final,
    Line,
    Logged,
    Restart,
    Skip,
    Step,
)
from distnet.spec.metric import LOSS, Metric
from distnet.spec.reading.validation import first_damage


@dataclass(frozen=True)
class History:
    """All records of `metrics.jsonl`, each step and epoch once, in order."""

    attempts: tuple[Attempt, ...] = ()
    steps: tuple[Step, ...] = ()
    epochs: tuple[Epoch, ...] = ()
    checkpoints: tuple[Checkpoint, ...] = ()
    logged: tuple[Logged, ...] = ()
    """What callbacks have logged."""
    finals: tuple[Final, ...] = ()
    skips: tuple[Skip, ...] = ()
    restarts: tuple[Restart, ...] = ()
    ends: dict[int, End] = field(default_factory=dict)
    """By attempt; an attempt that was killed has none."""
    seconds: dict[int, float] = field(default_factory=dict)
    """By attempt, the seconds until its newest record."""

    @property
    def end(self) -> End | None:
        """How the last attempt ended; None while it runs or when it was killed."""
        return self.ends.get(self.attempts[-1].attempt) if self.attempts else None

    @property
    def final(self) -> Final | None:
        """What was measured at the end; None before it, and while the run trains for longer."""
        return next((one for one in self.finals[-1:] if one.step >= self.last_step), None)

    @property
    def last_step(self) -> int:
        """The newest step that is recorded as done."""
        done: list[Step | Epoch | Attempt] = []
        done += [*self.steps[-1:], *self.epochs[-1:], *self.attempts[-1:]]
        ended = self.end.step if self.end else None
        return max([ended or 0, *(record.step for record in done)])

    @property
    def resumed_at(self) -> tuple[int, ...]:
        """The steps from which later attempts resumed."""
        return tuple(attempt.step for attempt in self.attempts[1:])

    @property
    def declared(self) -> tuple[Metric, ...]:
        """The metrics that the task declares, the headline metric first; empty in old runs."""
        return next((one.metrics for one in reversed(self.attempts) if one.metrics), ())

    @property
    def split(self) -> str:
        """The split that is evaluated; empty where no record names one."""
        splits = [split for epoch in self.epochs[-1:] for split in epoch.evaluated]
        splits += [one.split for one in self.attempts]
        return next((split for split in reversed(splits) if split), "")

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all metrics that are recorded, those of the steps first."""
        parts = [step.metrics for step in self.steps[-1:]]
        for epoch in self.epochs:
            parts += [epoch.train, *epoch.evaluated.values()]
        return tuple(dict.fromkeys(name for part in parts for name in part))

    @property
    def train_loss(self) -> float | None:
        """The mean training loss of the newest epoch; in the first epoch, that of its last step."""
        if self.epochs and LOSS.name in self.epochs[-1].train:
            return self.epochs[-1].train[LOSS.name]
        return self.steps[-1].loss if self.steps else None

    def evaluations(self, split: str) -> tuple[tuple[int, dict[str, float]], ...]:
        """List the evaluations of a split, each as (step, metrics by name)."""
        found = [(epoch.step, epoch.evaluated.get(split)) for epoch in self.epochs]
        return tuple((step, metrics) for step, metrics in found if metrics)


UNDONE = ("step", "skip", "epoch", "logged", "final", "checkpoint")
"""The kinds of records that count no more once an attempt resumes from an earlier step."""
BEGINNING = b'{"kind": "'
KINDS = ("attempt", "restart", "step", "skip", "epoch", "logged", "final", "checkpoint", "end")


def read_history(path: Path) -> History:
    """Read `metrics.jsonl`; without the file, the run has not begun.

    Raises:
        RunError: the file cannot be read, or a line is damaged.
    """
    found: dict[str, dict[int, Any]] = {kind: {} for kind in KINDS}
    seconds: dict[int, float] = {}
    for _, record in read_lines(path):
        if isinstance(record, Attempt):
            _drop_after(record.step, [found[kind] for kind in UNDONE])
        known, key = found[record.kind], _key(record)
        known[key] = _joined(known.get(key), record)
        if isinstance(record, Step | Epoch | End):
            _keep_largest(seconds, record)
    return History(
        attempts=_in_order(found["attempt"]),
        steps=_in_order(found["step"]),
        epochs=_in_order(found["epoch"]),
        logged=_in_order(found["logged"]),
        finals=_in_order(found["final"]),
        checkpoints=_in_order(found["checkpoint"]),
        skips=_in_order(found["skip"]),
        restarts=_in_order(found["restart"]),
        ends=found["end"],
        seconds=seconds,
    )


def started_at(path: Path) -> float | None:
    """Return when the first attempt in `metrics.jsonl` began, in seconds since 1970.

    Only the first line is read; None where it is not the record of an attempt.
    """
    try:
        _, first = next(read_lines(path), (0, None))
    except RunError:
        return None
    return first.time if isinstance(first, Attempt) and math.isfinite(first.time) else None


def read_lines(path: Path) -> Iterator[tuple[int, Line]]:
    """Read the records of `metrics.jsonl` one by one, with the numbers of their lines.

    Raises:
        RunError: the file cannot be read, or a line is damaged.
    """
    torn = ""
    try:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                try:
                    record = _parse(line)
                except ValidationError as error:
                    torn = torn or _torn_or_skipped(error, f"{path}:{number}")
                    continue
                if torn and not isinstance(record, Attempt | End):
                    raise RunError(f"{torn}: damaged: expected one JSON object; delete this line")
                torn = ""
                yield number, record
    except FileNotFoundError:
        return
    except OSError as error:
        raise RunError(f"{path}: cannot be read: {error.strerror}") from None


def _parse(line: bytes) -> Line:
    try:
        return LINE.validate_json(line)
    except ValidationError:
        start = line.rfind(BEGINNING)
        if start <= 0:
            raise
        return LINE.validate_json(line[start:])


def _torn_or_skipped(error: ValidationError, where: str) -> str:
    """Return `where` for a torn line, and "" for a kind of record that only a newer version knows.

    Raises:
        RunError: the line is JSON, but not a record.
    """
    match error.errors()[0]["type"]:
        case "json_invalid":
            return where
        case "union_tag_invalid":
            return ""
    raise RunError(f"{where}: damaged at {first_damage(error)}; delete this line")


def _drop_after(step: int, found: list[dict[int, Any]]) -> None:
    """Drop the records after the checkpoint that the next attempt resumes from."""
    for records in found:
        for key in [key for key, record in records.items() if record.step > step]:
            del records[key]


def _joined(before: Line | None, record: Line) -> Line:
    """The newer of two; of what several callbacks have logged at one step, both."""
    if not isinstance(before, Logged) or not isinstance(record, Logged):
        return record
    return record.model_copy(update={"logged": {**before.logged, **record.logged}})


def _key(record: Line) -> int:
    match record:
        case Attempt() | Restart() | End():
            return record.attempt
        case Epoch():
            return record.epoch
    return record.step


def _keep_largest(seconds: dict[int, float], record: Step | Epoch | End) -> None:
    if math.isfinite(record.seconds):
        seconds[record.attempt] = max(seconds.get(record.attempt, 0.0), record.seconds)


def _in_order(records: dict[int, Any]) -> tuple[Any, ...]:
    return tuple(records[key] for key in sorted(records))
