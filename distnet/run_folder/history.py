"""The lines of `metrics.jsonl`, read into frozen values.

A process that dies while it writes leaves a torn line: at the end of the file, or just before the
record of the attempt's end or of the next attempt, which may stand on the same line. Those are
passed over; any other line that is no record is damage.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from distnet.errors import RunError
from distnet.run_folder.record_kinds import (
    LINE,
    Attempt,
    Checkpoint,
    End,
    Epoch,
    Line,
    Restart,
    Skip,
    Step,
)


@dataclass(frozen=True)
class History:
    """All that `metrics.jsonl` tells, each step and epoch once, in order."""

    attempts: tuple[Attempt, ...] = ()
    steps: tuple[Step, ...] = ()
    epochs: tuple[Epoch, ...] = ()
    checkpoints: tuple[Checkpoint, ...] = ()
    skips: tuple[Skip, ...] = ()
    restarts: tuple[Restart, ...] = ()
    ends: dict[int, End] = field(default_factory=dict)
    """By attempt; an attempt that was killed has none."""
    seconds: dict[int, float] = field(default_factory=dict)
    """How long each attempt has been seen at work."""

    @property
    def end(self) -> End | None:
        """How the last attempt ended; None while it runs or when it was killed."""
        return self.ends.get(self.attempts[-1].attempt) if self.attempts else None

    @property
    def last_step(self) -> int:
        """The newest step known to be done."""
        done: list[Step | Epoch | Attempt] = []
        done += [*self.steps[-1:], *self.epochs[-1:], *self.attempts[-1:]]
        ended = self.end.step if self.end else None
        return max([ended or 0, *(record.step for record in done)])

    @property
    def resumed_at(self) -> tuple[int, ...]:
        """The steps at which a later attempt took over."""
        return tuple(attempt.step for attempt in self.attempts[1:])


UNDONE = ("step", "skip", "epoch", "checkpoint")
"""What an attempt that resumed earlier does anew."""
BEGINNING = b'{"kind": "'
KINDS = ("attempt", "restart", "step", "skip", "epoch", "checkpoint", "end")


def read_history(path: Path) -> History:
    """Read `metrics.jsonl`; a missing file is a run that has not begun.

    Raises:
        RunError: the file cannot be read, or a line is damaged.
    """
    found: dict[str, dict[int, Any]] = {kind: {} for kind in KINDS}
    seconds: dict[int, float] = {}
    for _, record in read_lines(path):
        if isinstance(record, Attempt):
            _forget_after(record.step, [found[kind] for kind in UNDONE])
        found[record.kind][_position(record)] = record
        if isinstance(record, Step | Epoch | End):
            _keep_longest(seconds, record)
    return History(
        attempts=_in_order(found["attempt"]),
        steps=_in_order(found["step"]),
        epochs=_in_order(found["epoch"]),
        checkpoints=_in_order(found["checkpoint"]),
        skips=_in_order(found["skip"]),
        restarts=_in_order(found["restart"]),
        ends=found["end"],
        seconds=seconds,
    )


def started_at(path: Path) -> float | None:
    """When the first attempt in `metrics.jsonl` began, without reading the rest of it."""
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
    """Return `where` for a torn line, and nothing for a kind that a newer version writes.

    Raises:
        RunError: the line is whole, but no record.
    """
    first = error.errors()[0]
    if first["type"] == "json_invalid":
        return where
    if first["type"] == "union_tag_invalid":
        return ""
    key = ".".join(map(str, first["loc"]))
    raise RunError(f"{where}: damaged at {key or 'kind'}: {first['msg']}; delete this line")


def _forget_after(step: int, found: list[dict[int, Any]]) -> None:
    """Drop what an earlier attempt did after the checkpoint that this one resumes from."""
    for records in found:
        for key in [key for key, record in records.items() if record.step > step]:
            del records[key]


def _position(record: Line) -> int:
    match record:
        case Attempt() | Restart() | End():
            return record.attempt
        case Epoch():
            return record.epoch
    return record.step


def _keep_longest(seconds: dict[int, float], record: Step | Epoch | End) -> None:
    if math.isfinite(record.seconds):
        seconds[record.attempt] = max(seconds.get(record.attempt, 0.0), record.seconds)


def _in_order(records: dict[int, Any]) -> tuple[Any, ...]:
    return tuple(records[key] for key in sorted(records))
