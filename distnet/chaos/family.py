"""The processes of a trial, known by descent and by a mark in their environment.

Both are needed: a process whose parent was killed gets another one, and some of Ray's processes
overwrite their environment with their title. Nothing outside the family is ever sent a signal.
"""

import contextlib
import time

import psutil

from distnet.launch.processes import below, is_alive, kill, title_of
from distnet.launch.ray.guardian import marked

MARK = "DISTNET_CHAOS"
SCAN_S = 0.5
END_TIMEOUT_S = 10.0


class Family:
    """Processes that were started with `mark` in their environment, and all below them."""

    def __init__(self, mark: str) -> None:
        self.environment = {MARK: mark}
        self._mark = mark
        self._roots: list[psutil.Process] = []
        self._known: set[psutil.Process] = set()
        self._scanned = 0.0

    def add(self, pid: int) -> None:
        """Add a process that was just started."""
        with contextlib.suppress(psutil.NoSuchProcess):
            self._roots.append(psutil.Process(pid))

    def roots(self) -> list[psutil.Process]:
        """The processes that were added, running or not."""
        return list(self._roots)

    def scan(self, *, now: bool = False) -> None:
        """Remember all descendants: at intervals, or `now`."""
        if not now and time.monotonic() - self._scanned < SCAN_S:
            return
        self._scanned = time.monotonic()
        for process in [*self._roots, *self._known]:
            self._known.update(below(process))

    def find(self, pid: int) -> psutil.Process | None:
        """The process of this id, if it is of the family and alive."""
        self.scan(now=True)
        return next((process for process in self.alive() if process.pid == pid), None)

    def titled(self, title: str) -> list[psutil.Process]:
        """Those that run and have `title` in their name or command line."""
        self.scan(now=True)
        return [process for process in self.alive() if title in title_of(process)]

    def alive(self) -> list[psutil.Process]:
        """All that still run, wherever they are in the tree of processes."""
        self._known.update(marked(self._mark, MARK))
        return [process for process in {*self._roots, *self._known} if is_alive(process)]

    def end(self) -> None:
        """Kill all that still run."""
        self.scan(now=True)
        deadline = time.monotonic() + END_TIMEOUT_S
        while (left := self.alive()) and time.monotonic() < deadline:
            kill(left)
