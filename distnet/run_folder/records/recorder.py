"""Write the records of training: one JSON object per line of metrics.jsonl, and event files.

A record of steps is the mean since the last one, written about 2,000 times per run or once a
second, so the file stays small however long the run is.
"""

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

from distnet.errors import RunError
from distnet.run_folder.records.lines_file import Lines
from distnet.run_folder.records.tensorboard import Events
from distnet.run_folder.write import to_json

Record = dict[str, Any]
Emit = Callable[[Record], None]

FLUSH_S = 0.2


def stage_record(text: str) -> Record:
    """What takes long before a run has a folder; listeners get it, and no file does."""
    return {"kind": "stage", "text": text}


class Recorder:
    """Writes the records of one attempt; only rank 0 has one. Several threads may use it.

    A full disk does not end training: records wait in memory until it has space.

    Args:
        metrics: the file to append to.
        events: the folder of the event files; None to write none.
        attempt: added to every record.
        listener: receives every record too.

    Raises:
        RunError: `metrics` cannot be opened.
    """

    def __init__(
        self, metrics: Path, events: Path | None, *, attempt: int, listener: Emit | None = None
    ) -> None:
        try:
            self._lines = Lines(metrics)
        except OSError as error:
            raise RunError(f"{metrics}: cannot be written: {error.strerror}") from None
        self._name = metrics.name
        self._events = Events(events) if events is not None else None
        self._attempt, self._listener = attempt, listener
        self._flushed = time.monotonic()
        self._lock = threading.RLock()
        self._is_in_trouble = False

    def emit(self, record: Record) -> None:
        """Append one record."""
        with self._lock:
            is_step = record["kind"] in ("step", "logged")
            whole = {"kind": record["kind"], "attempt": self._attempt, **record}
            self._lines.add(to_json(whole), may_be_dropped=is_step)
            now = time.monotonic()
            if not is_step or now - self._flushed > FLUSH_S:
                self._lines.flush()
                self._flushed = now
            if self._events is not None:
                self._events.add(whole)
            if self._listener is not None:
                self._listener(whole)
            self._note_trouble()

    def close(self) -> None:
        """Write what is left."""
        with self._lock:
            self._lines.close()
            if self._events is not None:
                self._events.close()

    def _note_trouble(self) -> None:
        """Record when the disk becomes full, and when it has space again."""
        trouble = self._lines.trouble
        if (trouble is not None) == self._is_in_trouble:
            return
        self._is_in_trouble = trouble is not None
        text = f"can be written again ({self._lines.num_dropped} records of steps were dropped)"
        if trouble is not None:
            text = f"{trouble}; records wait in memory until it can be written"
        self.emit({"kind": "note", "text": f"{self._name}: {text}"})


def append_lines(path: Path) -> TextIO:
    """Open a file of lines to append to; a last line torn by a crash is ended first."""
    file = path.open("a+", buffering=1 << 16, encoding="utf-8", errors="replace")
    size = file.seek(0, os.SEEK_END)
    if size:
        file.seek(size - 1)
        if file.read(1) != "\n":
            file.write("\n")
    return file
