"""Work on all hosts side by side: one that fails does not stop the others."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from distnet.cluster.errors import HostError
from distnet.cluster.host import Host
from distnet.cluster.ssh.connections import Connections
from distnet.cluster.ssh.shell import Shell
from distnet.cluster.ssh.this_machine import ThisMachine

Result = TypeVar("Result")
MOST_THREADS = 64
POLL_S = 0.2
INTERRUPTED = "interrupted"
HostProgress = Callable[[str, str, str], object]
"""Called with a host, the step that it is at, and details of that."""


class Shells(Protocol):
    """Where the hosts' commands run."""

    def get(self, host: Host) -> Shell:
        """The shell of a host."""
        ...

    def interrupt(self) -> None:
        """End all that is being run."""
        ...

    def close(self) -> None:
        """End all connections."""
        ...


class OnlyThisMachine:
    """The shells of a cluster of this machine alone."""

    def __init__(self) -> None:
        self._shell: Shell | None = None

    def get(self, host: Host) -> Shell:
        """The shell of this machine."""
        self._shell = self._shell or ThisMachine(host)
        return self._shell

    def interrupt(self) -> None:
        """End all that is being run."""
        if self._shell is not None:
            self._shell.interrupt()

    def close(self) -> None:
        """There is nothing to close."""


def open_shells(hosts: Iterable[Host], *, is_local: bool) -> Shells:
    """Make the shells of a cluster's hosts; nothing is connected yet."""
    return OnlyThisMachine() if is_local else Connections(hosts)


@dataclass(frozen=True)
class Outcome(Generic[Result]):
    """What came of the work on a host."""

    host: str
    result: Result | None
    error: HostError | None
    seconds: float


class InterruptedHostError(HostError):
    """The work on a host was interrupted by the user."""

    def __init__(self, host: str) -> None:
        super().__init__(host, INTERRUPTED, INTERRUPTED, "Ctrl-C", "run the command again")


class Fleet:
    """All hosts of a command.

    Args:
        shells: of the hosts.
    """

    def __init__(self, shells: Shells) -> None:
        self.shells = shells
        self.is_interrupted = threading.Event()

    def each(
        self, hosts: Iterable[Host], work: Callable[[Host], Result]
    ) -> Mapping[str, Outcome[Result]]:
        """Do something on all hosts at a time, and wait for all.

        Ctrl-C ends what is being run on the hosts; the outcomes are then those of the interrupted
        work, and `is_interrupted` is set.

        Args:
            hosts: to work on.
            work: done in a thread of its own for each of them.
        """
        hosts = list(hosts)
        with ThreadPoolExecutor(min(MOST_THREADS, max(1, len(hosts)))) as pool:
            futures = [pool.submit(self._one, host, work) for host in hosts]
            try:
                while wait(futures, timeout=POLL_S).not_done:
                    pass
            except KeyboardInterrupt:
                self.is_interrupted.set()
                while wait(futures, timeout=POLL_S).not_done:
                    self.shells.interrupt()
        return {host.name: future.result() for host, future in zip(hosts, futures, strict=True)}

    def check(self, host: Host) -> None:
        """Stop the work on a host if the user has pressed Ctrl-C.

        Raises:
            InterruptedHostError: that is so.
        """
        if self.is_interrupted.is_set():
            raise InterruptedHostError(host.name)

    def _one(self, host: Host, work: Callable[[Host], Result]) -> Outcome[Result]:
        began = time.monotonic()
        try:
            self.check(host)
            result, error = work(host), None
        except HostError as failed:
            result, error = None, failed
        if error is not None and self.is_interrupted.is_set():
            error = InterruptedHostError(host.name)
        return Outcome(host.name, result, error, time.monotonic() - began)
