"""The processes of a trial, known by descent and by a mark in their environment.

Both are needed: a process whose parent was killed has another one, and some of Ray's overwrite
their environment with their title. Nothing outside the family is ever sent a signal.
"""

import contextlib
import time
from collections.abc import Iterator

import psutil

MARK = "DISTNET_CHAOS"
LOOKED_AT_EVERY_S = 0.5
END_PATIENCE_S = 10.0


class Family:
    """Processes that were started with `mark` in their environment, and all below them."""

    def __init__(self, mark: str) -> None:
        self.environment = {MARK: mark}
        self._mark = mark
        self._roots: list[psutil.Process] = []
        self._known: set[psutil.Process] = set()
        self._looked = 0.0

    def add(self, pid: int) -> None:
        """Add a process that was just started."""
        with contextlib.suppress(psutil.NoSuchProcess):
            self._roots.append(psutil.Process(pid))

    def roots(self) -> list[psutil.Process]:
        """Those that were started, running or not."""
        return list(self._roots)

    def look(self, *, now: bool = False) -> None:
        """Remember who is there: once in a while, or `now`."""
        if not now and time.monotonic() - self._looked < LOOKED_AT_EVERY_S:
            return
        self._looked = time.monotonic()
        for process in [*self._roots, *self._known]:
            self._known.update(below(process))

    def find(self, pid: int) -> psutil.Process | None:
        """The process of this id, if it is of the family and alive."""
        self.look(now=True)
        return next((process for process in self.alive() if process.pid == pid), None)

    def titled(self, title: str) -> list[psutil.Process]:
        """The living ones whose name or command line has `title` in it."""
        self.look(now=True)
        return [process for process in self.alive() if title in title_of(process)]

    def alive(self) -> list[psutil.Process]:
        """All that still run, wherever they hang in the tree of processes."""
        self._known.update(self._marked())
        return [process for process in {*self._roots, *self._known} if is_alive(process)]

    def end(self) -> None:
        """Kill all that still run."""
        self.look(now=True)
        deadline = time.monotonic() + END_PATIENCE_S
        while (left := self.alive()) and time.monotonic() < deadline:
            kill(left)

    def _marked(self) -> Iterator[psutil.Process]:
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                if process.environ().get(MARK) == self._mark:
                    yield process


def below(process: psutil.Process) -> list[psutil.Process]:
    """All descendants."""
    try:
        return process.children(recursive=True)
    except psutil.Error:
        return []


def is_alive(process: psutil.Process) -> bool:
    """Whether it runs, or could: one that nobody has waited for does not count."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def title_of(process: psutil.Process) -> str:
    """How it calls itself; empty if it is gone."""
    try:
        return " ".join([process.name(), *process.cmdline()]).strip()
    except psutil.Error:
        return ""


def kill(processes: list[psutil.Process]) -> None:
    """Kill these, and wait until they are gone."""
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(processes, timeout=1.0)
