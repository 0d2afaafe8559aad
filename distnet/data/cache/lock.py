"""A file lock that many may share or one may hold alone; it goes with the process that holds it."""

import fcntl
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Self

POLL_S = 0.1
OnWait = Callable[[], None]
"""Called again and again while something takes long."""


class Lock:
    """The lock of one entry: shared while it is used, exclusive while it is filled or removed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._handle: int | None = None

    def __enter__(self) -> Self:
        """Hold nothing yet."""
        return self

    def __exit__(self, *_: object) -> None:
        """Release what is held."""
        self._close()

    def share(self, on_wait: OnWait) -> None:
        """Hold it together with others; waits for one who holds it alone."""
        while not self._take(fcntl.LOCK_SH):
            on_wait()
            time.sleep(POLL_S)

    def claim(self, on_wait: OnWait, is_needless: Callable[[], bool]) -> bool:
        """Hold it alone; waits for all others, or until that is needless.

        What is held is released first, so another may claim it meanwhile. On NFS `flock` locks a
        range of bytes, and keeps what is shared until the file is held alone: two that share and
        claim would wait for each other forever.

        Args:
            on_wait: called again and again while it waits.
            is_needless: whether another has done what it is claimed for.

        Returns:
            Whether it is held; nothing is if not.
        """
        self._close()
        while not self._take(fcntl.LOCK_EX):
            if is_needless():
                return False
            on_wait()
            time.sleep(POLL_S)
        return True

    def try_claim(self) -> bool:
        """Hold it alone, if nobody else holds it."""
        return self._take(fcntl.LOCK_EX)

    def note_use(self) -> None:
        """Note that the entry is used now: the file's time says when it was last."""
        with suppress(OSError):
            os.utime(self.path)

    def _take(self, how: int) -> bool:
        """Try once; a file that was removed meanwhile is opened anew the next time."""
        if self._handle is None:
            self._handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._handle, how | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        if self._is_current():
            return True
        self._close()
        return False

    def _is_current(self) -> bool:
        assert self._handle is not None
        try:
            return os.path.samestat(os.fstat(self._handle), self.path.stat())
        except FileNotFoundError:
            return False

    def _close(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
