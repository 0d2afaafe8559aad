"""A file of lines that can be appended to while its disk is full.

Lines that do not fit wait in memory. A small file beside it reserves disk space: it is deleted when
the disk is full, so that the lines that say so still fit.
"""

import os
from collections import deque
from contextlib import suppress
from pathlib import Path

RESERVE_BYTES = 64 * 2**10
MOST_BYTES = 4 * 2**20
"""At most this much waits in memory, apart from lines that must not be lost."""


class Lines:
    """Appends lines to a file; a last line torn by a crash is ended first.

    Raises:
        OSError: the file cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
        self._waiting: deque[bytes] = deque()
        self._num_waiting_bytes = 0
        self._reserve = path.with_name(f".{path.name}-reserve")
        self.num_dropped = 0
        """Lines that were dropped, because too many waited."""
        self.trouble: str | None = None
        """Why lines wait, or would wait without the reserve."""
        self._end_torn_line()
        self._hold_reserve()

    def add(self, line: str, *, may_be_dropped: bool = False) -> None:
        """Append one line, with the next `flush`."""
        if may_be_dropped and self._num_waiting_bytes > MOST_BYTES:
            self.num_dropped += 1
            return
        self._wait(f"{line}\n".encode())

    def flush(self) -> None:
        """Write what waits, as far as it fits; `trouble` says why some may not."""
        try:
            self._write()
            if self.trouble is not None:
                self._hold_reserve()
        except OSError as error:
            self.trouble = error.strerror or str(error)
            self._use_reserve()

    def close(self) -> None:
        """Write what waits, using the reserve."""
        self._use_reserve()
        os.close(self._handle)

    def _write(self) -> None:
        while self._waiting:
            data = self._waiting[0]
            written = os.write(self._handle, data)
            self._num_waiting_bytes -= written
            self._waiting.popleft()
            if written < len(data):
                self._waiting.appendleft(data[written:])

    def _wait(self, data: bytes) -> None:
        self._waiting.append(data)
        self._num_waiting_bytes += len(data)

    def _hold_reserve(self) -> None:
        """Reserve disk space for when the disk is full."""
        try:
            self._reserve.write_bytes(b"\0" * RESERVE_BYTES)
            self.trouble = None
        except OSError as error:
            self.trouble = error.strerror or str(error)
            with suppress(OSError):
                self._reserve.unlink(missing_ok=True)

    def _use_reserve(self) -> None:
        with suppress(OSError):
            self._reserve.unlink(missing_ok=True)
            self._write()

    def _end_torn_line(self) -> None:
        size = os.lseek(self._handle, 0, os.SEEK_END)
        if size and os.pread(self._handle, 1, size - 1) != b"\n":
            self._wait(b"\n")
