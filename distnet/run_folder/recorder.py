"""What training tells: one JSON object a line in metrics.jsonl, and the same as event files.

A step is told as the mean since the last one told, at most about 2,000 times a run or once a
second, so the file stays small however long the run is.
"""

import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

from distnet.errors import RunError
from distnet.run_folder.lines_file import Lines
from distnet.run_folder.tensorboard import Events

Record = dict[str, Any]
Tell = Callable[[Record], None]

FLUSHED_EVERY_S = 0.2


class Recorder:
    """Writes the records of one attempt; only rank 0 has one. May be told from several threads.

    A full disk ends no training: records wait in memory until there is room.

    Args:
        metrics: the file to append to.
        events: the folder of the event files.
        attempt: stands in every record.
        listener: is told every record too.

    Raises:
        RunError: `metrics` cannot be opened.
    """

    def __init__(
        self, metrics: Path, events: Path, *, attempt: int, listener: Tell | None = None
    ) -> None:
        try:
            self._lines = Lines(metrics)
        except OSError as error:
            raise RunError(f"{metrics}: cannot be written: {error.strerror}") from None
        self._name = metrics.name
        self._events = Events(events)
        self._attempt, self._listener = attempt, listener
        self._flushed = time.monotonic()
        self._lock = threading.RLock()
        self._is_in_trouble = False

    def tell(self, record: Record) -> None:
        """Append one record."""
        with self._lock:
            is_step = record["kind"] == "step"
            whole = {"kind": record["kind"], "attempt": self._attempt, **record}
            self._lines.add(json.dumps(whole), may_be_dropped=is_step)
            now = time.monotonic()
            if not is_step or now - self._flushed > FLUSHED_EVERY_S:
                self._lines.flush()
                self._flushed = now
            self._events.add(whole)
            if self._listener is not None:
                self._listener(whole)
            self._tell_trouble()

    def close(self) -> None:
        """Write what is left."""
        with self._lock:
            self._lines.close()
            self._events.close()

    def _tell_trouble(self) -> None:
        """Tell when the disk begins to be full, and when there is room again."""
        trouble = self._lines.trouble
        if (trouble is not None) == self._is_in_trouble:
            return
        self._is_in_trouble = trouble is not None
        text = f"there is room again ({self._lines.num_dropped} steps were not told)"
        if trouble is not None:
            text = f"{trouble}; what is to be told waits in memory until there is room"
        self.tell({"kind": "note", "text": f"{self._name}: {text}"})


def append_lines(path: Path) -> TextIO:
    """Open a file of lines to append to; a last line torn by a crash is ended first."""
    file = path.open("a+", buffering=1 << 16)
    size = file.seek(0, os.SEEK_END)
    if size:
        file.seek(size - 1)
        if file.read(1) != "\n":
            file.write("\n")
    return file
