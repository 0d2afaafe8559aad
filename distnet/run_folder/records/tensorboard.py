"""Write the numbers of the records as TensorBoard event files."""

import time
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distnet.run_folder.records.scalars import KINDS

if TYPE_CHECKING:
    from distnet.run_folder.records.event_file import EventFile

FLUSH_S = 10.0
MAX_WAITING = 10_000


class Events:
    """Event files of one attempt.

    A full disk does not end training: numbers wait in memory, and go to a new file once it has
    space again.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: EventFile | None = None
        self._num_files = 0
        self._waiting: deque[dict[str, Any]] = deque(maxlen=MAX_WAITING)
        self._written_at = time.monotonic()

    def add(self, record: dict[str, Any]) -> None:
        """Add the numbers of a record, if it has some."""
        if record["kind"] not in KINDS:
            return
        self._waiting.append({**record, "wall": time.time()})
        is_time = time.monotonic() - self._written_at > FLUSH_S
        if record["kind"] not in ("step", "logged") or is_time:
            self._write()

    def close(self) -> None:
        """Write what is left."""
        self._write()
        self._end_file()

    def _write(self) -> None:
        self._written_at = time.monotonic()
        try:
            if self._file is None:
                self._file = self._new_file()
            for record in self._waiting:
                self._file.add(record)
            self._file.flush()
            self._waiting.clear()
        except OSError:
            self._end_file()

    def _new_file(self) -> "EventFile":
        # Imported with the first file: at the start it would delay the first step.
        from distnet.run_folder.records.event_file import EventFile

        suffix = f".{self._num_files}" if self._num_files else ""
        self._num_files += 1
        return EventFile(self._folder, suffix)

    def _end_file(self) -> None:
        if self._file is not None:
            with suppress(OSError):
                self._file.close()
            self._file = None
