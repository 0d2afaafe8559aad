"""Hosts, as a way to reach nodes: scripts over ssh, or on this machine."""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from distnet.cluster.doctor.facts import Failed
from distnet.cluster.doctor.gather import Given, Replies
from distnet.cluster.errors import HostError
from distnet.cluster.host import Host
from distnet.cluster.hosts.fleet import Fleet, HostProgress
from distnet.cluster.hosts.pythons import find_pythons, usable
from distnet.cluster.hosts.script import run_script

LISTEN_S, READY_S, END_S, POLL_S = 120.0, 20.0, 10.0, 0.02


class SshReach:
    """Reaches the hosts of a cluster file.

    Args:
        fleet: the hosts.
        hosts: those to reach.
        report: shows a host, the step that it is at, and details.
    """

    def __init__(self, fleet: Fleet, hosts: Sequence[Host], report: HostProgress) -> None:
        self._fleet, self._report = fleet, report
        self._hosts = {host.name: host for host in hosts}
        self._pythons: dict[str, str] = {}

    def each(self, script: str, given: Mapping[str, Given]) -> Replies:
        """Run a script on hosts side by side."""
        hosts = [self._hosts[name] for name in given]
        outcomes = self._fleet.each(hosts, lambda host: self._run(host, script, given[host.name]))
        replies = Replies({}, {})
        for name, outcome in outcomes.items():
            error = outcome.error
            if error is None:
                replies.results[name] = outcome.result
            else:
                replies.failed[name] = Failed(name, error.step, error.found, error.remedy)
        return replies

    @contextmanager
    def listening(self, addresses: Mapping[str, str], secret: str) -> Iterator[Mapping[str, int]]:
        """Have hosts listen for links until the context ends."""
        ports: dict[str, int] = {}
        threads = [
            threading.Thread(target=self._listen, args=(name, address, secret, ports), daemon=True)
            for name, address in addresses.items()
        ]
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + READY_S
        while len(ports) < len(threads) and time.monotonic() < deadline:
            if not any(thread.is_alive() for thread in threads):
                break
            time.sleep(POLL_S)
        try:
            yield dict(ports)
        finally:
            for name in addresses:
                with suppress(HostError):
                    self._fleet.shells.get(self._hosts[name]).interrupt()
            for thread in threads:
                thread.join(END_S)

    def _listen(self, name: str, address: str, secret: str, ports: dict[str, int]) -> None:
        def ready(line: str) -> None:
            ports[name] = int(line)

        given = {"secret": secret, "listen": address, "timeout_s": LISTEN_S}
        with suppress(HostError):  # it is ended, or cannot listen: the others then do not reach it
            host = self._hosts[name]
            self._run(host, "links", given, on_progress=ready, timeout_s=LISTEN_S + END_S)

    def _run(self, host: Host, script: str, given: Given, **options: Any) -> Any:
        self._report(host.name, script.replace("_", " "), "")
        shell = self._fleet.shells.get(host)
        if host.name not in self._pythons:
            self._pythons[host.name] = usable(shell, find_pythons(shell)).path
        python = self._pythons[host.name]
        return run_script(shell, python, script, dict(given), step=script, **options)
