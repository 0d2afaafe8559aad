"""What training tells: one JSON object a line in metrics.jsonl, and the same as event files.

A step is told as the mean since the last one told, at most about 2,000 times a run or once a
second, so the file stays small however long the run is.
"""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

Record = dict[str, Any]
Tell = Callable[[Record], None]

TOLD_STEPS = 2000
TOLD_EVERY_S = 1.0


class Recorder:
    """Writes the records of one attempt; only rank 0 has one.

    Args:
        metrics: the file to append to.
        events: the folder of the event files.
        attempt: stands in every record.
        listener: is told every record too.
    """

    def __init__(
        self, metrics: Path, events: Path, *, attempt: int, listener: Tell | None = None
    ) -> None:
        self._file = append_lines(metrics)
        self._events = Events(events)
        self._attempt, self._listener = attempt, listener
        self._flushed = time.monotonic()

    def tell(self, record: Record) -> None:
        """Append one record."""
        whole = {"kind": record["kind"], "attempt": self._attempt, **record}
        self._file.write(json.dumps(whole) + "\n")
        now = time.monotonic()
        if record["kind"] != "step" or now - self._flushed > 0.2:
            self._file.flush()
            self._flushed = now
        self._events.add(whole)
        if self._listener is not None:
            self._listener(whole)

    def close(self) -> None:
        """Write what is left."""
        self._file.close()
        self._events.close()


def append_lines(path: Path) -> TextIO:
    """Open a file of lines to append to; a last line torn by a crash is ended first."""
    file = path.open("a+", buffering=1 << 16)
    size = file.seek(0, os.SEEK_END)
    if size:
        file.seek(size - 1)
        if file.read(1) != "\n":
            file.write("\n")
    return file


class Events:
    """TensorBoard event files; the writer is imported when the first epoch or ten seconds end.

    Importing it at once would delay the first step.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writer: Any = None
        self._waiting: list[Record] = []
        self._opened = time.monotonic()

    def add(self, record: Record) -> None:
        """Add the numbers of a step or an epoch."""
        if record["kind"] not in ("step", "epoch"):
            return
        self._waiting.append({**record, "wall": time.time()})
        if record["kind"] == "epoch" or time.monotonic() - self._opened > 10:
            self._write()

    def close(self) -> None:
        """Write what is left."""
        self._write()
        if self._writer is not None:
            self._writer.close()

    def _write(self) -> None:
        if self._writer is None:
            from tensorboardX import SummaryWriter

            self._writer = SummaryWriter(str(self._folder), flush_secs=10)
        for record in self._waiting:
            for name, value in _scalars(record):
                self._writer.add_scalar(name, value, record["step"], walltime=record["wall"])
        self._waiting.clear()


class Progress:
    """Sums since the last record of a step, and since the epoch's beginning."""

    def __init__(
        self, num_steps: int, epoch_sums: tuple[float, float, int] = (0.0, 0.0, 0)
    ) -> None:
        self._every = max(1, num_steps // TOLD_STEPS)
        self._told = time.monotonic()
        self._loss = self._score = 0.0
        self._samples = 0
        self.epoch_sums = epoch_sums
        """Loss, score and samples of the epoch so far; kept in checkpoints."""

    def add(self, loss: float, score: float, samples: int) -> None:
        """Count one step: sums of loss and score over its samples."""
        self._loss, self._score = self._loss + loss, self._score + score
        self._samples += samples
        all_loss, all_score, all_samples = self.epoch_sums
        self.epoch_sums = (all_loss + loss, all_score + score, all_samples + samples)

    def is_due(self, step: int) -> bool:
        """Whether this step is to be told."""
        return step % self._every == 0 or time.monotonic() - self._told > TOLD_EVERY_S

    def read(self) -> tuple[float, float, float]:
        """Mean loss, mean score and samples/s since the last call."""
        now = time.monotonic()
        loss, score = self._loss / self._samples, self._score / self._samples
        speed = self._samples / max(now - self._told, 1e-9)
        self.pause()
        return loss, score, speed

    def read_epoch(self) -> tuple[float, float]:
        """Mean loss and score of the epoch so far."""
        loss, score, samples = self.epoch_sums
        return loss / max(samples, 1), score / max(samples, 1)

    def begin_epoch(self) -> None:
        """Count anew."""
        self.epoch_sums = (0.0, 0.0, 0)

    def pause(self) -> None:
        """Forget time and samples since the last record: something else has been done since."""
        self._told, self._loss, self._score, self._samples = time.monotonic(), 0.0, 0.0, 0


def _scalars(record: Record) -> list[tuple[str, float]]:
    found = []
    for name, value in record.items():
        if isinstance(value, dict):
            found += [(f"{name}/{k}", v) for k, v in value.items() if isinstance(v, float)]
        elif isinstance(value, float) and name not in ("seconds", "wall"):
            found.append((f"{record['kind']}/{name}", value))
    return found
