"""The connections to all hosts of a cluster, opened when they are needed."""

import shutil
import tempfile
import threading
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType

from distnet.cluster.errors import HostError
from distnet.cluster.host import Host
from distnet.cluster.ssh.connection import Connection

SOCKETS = Path("/tmp")
"""Sockets have paths of at most 104 characters on some systems, so not below $TMPDIR."""


class Connections:
    """At most one open connection for each host; threads may share it.

    Args:
        hosts: all of the cluster, which may be jump hosts of one another.
    """

    def __init__(self, hosts: Iterable[Host]) -> None:
        self._hosts = {host.name: host for host in hosts}
        self._folder = Path(tempfile.mkdtemp(prefix="distnet-", dir=SOCKETS))  # with mode 0700
        self._open: dict[str, Connection] = {}
        self._all: list[Connection] = []
        self._locks: dict[str, threading.RLock] = defaultdict(threading.RLock)

    def __enter__(self) -> "Connections":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def get(self, host: Host) -> Connection:
        """The connection to a host, which is opened if it is not open.

        Raises:
            HostError: why it, or a jump host before it, cannot be connected.
        """
        return self._get(host, ())

    def interrupt(self) -> None:
        """End all that is being run through the connections, and those being opened."""
        for connection in list(self._all):
            connection.interrupt()

    def close(self) -> None:
        """End all connections."""
        for connection in reversed(list(self._open.values())):  # jump hosts were opened first
            connection.close()
        self._open.clear()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _get(self, host: Host, after: tuple[str, ...]) -> Connection:
        if host.name in after:
            circle = " -> ".join((*after, host.name))
            raise HostError(
                host.name,
                "connect",
                "jump-host",
                f"found jump hosts in a circle: {circle}",
                "mend `jump` in the cluster file",
            )
        with self._locks[host.name]:
            known = self._open.get(host.name)
            if known is not None and known.is_open:
                return known
            jump = None if host.jump is None else self._jump(host, (*after, host.name))
            connection = Connection(host, self._folder, jump)
            self._all.append(connection)
            connection.open()
            self._open[host.name] = connection
            return connection

    def _jump(self, host: Host, after: tuple[str, ...]) -> Connection:
        assert host.jump is not None
        jump = self._hosts.get(host.jump) or Host(host.jump, host.jump)
        try:
            return self._get(jump, after)
        except HostError as error:
            if error.kind == "jump-host":
                raise
            found = f"the jump host {jump.name} cannot be connected: {error.found}"
            raise HostError(host.name, "connect", "jump-host", found, error.remedy) from None
