"""Bring a cluster up: make each host a node, or leave it alone if it is one already.

    connect -> python -> probe -> environment -> settings -> start

All hosts work side by side. The others wait for what they need of the head: its address and
Python before `probe`, its Ray before `start`. What this call started is ended again if the head
fails or the user presses Ctrl-C, so nothing is left half up.
"""

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TypeVar

from distnet.cluster.errors import HostError
from distnet.cluster.file.providers import Local, Ssh
from distnet.cluster.file.read import ClusterFile
from distnet.cluster.host import Host
from distnet.cluster.hosts.down import Down, bring_down
from distnet.cluster.hosts.environment import Contents, Environment, contents, prepare
from distnet.cluster.hosts.facts import (
    Facts,
    Identity,
    host_facts,
    host_from,
    new_identity,
    probe,
)
from distnet.cluster.hosts.fleet import Fleet, HostProgress, Outcome
from distnet.cluster.hosts.node_control import NodeControl
from distnet.cluster.hosts.node_settings import make_settings
from distnet.cluster.hosts.pythons import Python, choose, find_pythons
from distnet.cluster.ssh.shell import Shell

Result = TypeVar("Result")
WAIT_S = 0.2
SAME = ("distnet", "ray", "torch")
"""What must have the same version on all nodes."""


@dataclass(frozen=True)
class Up:
    """A host that is a node now."""

    role: str
    address: str
    num_cpus: int
    num_gpus: int
    versions: Mapping[str, str]
    clock_skew_s: float
    is_new: bool
    """Whether it was started; False: it was up, and was left alone."""


@dataclass(frozen=True)
class ClusterUp:
    """What came of it."""

    hosts: Mapping[str, Outcome[Up]]
    removed: Mapping[str, Outcome[Down]]
    """Hosts that are no longer in the file."""
    server: str | None
    """The address of the server; None: the head is not up."""
    token: str | None
    """Of the server, for the user; None: one is known already."""
    is_interrupted: bool


@dataclass(frozen=True)
class _Head:
    """What the others need to know of the head."""

    facts: Facts
    python: Python
    identity: Identity


class BringUp:
    """One call of `distnet cluster up`.

    Args:
        file: the cluster file.
        fleet: its hosts.
        user: whose token the server makes.
        knows: whether there is a token for a server's address.
        report: shows the progress.
    """

    def __init__(
        self,
        file: ClusterFile,
        fleet: Fleet,
        *,
        user: str,
        knows: Callable[[str], bool],
        report: HostProgress,
    ) -> None:
        assert isinstance(file.cluster, Local | Ssh), "the provider makes its nodes itself"
        self._cluster = file.cluster
        self._file, self._fleet, self._report = file, fleet, report
        self._user, self._knows = user, knows
        self._head_host = file.head
        self._head: _Head | None = None
        self._head_versions: Mapping[str, str] | None = None
        self._head_has_failed = threading.Event()
        self._contents: Contents | None = None
        self._lock = threading.Lock()
        self._addresses: dict[str, str] = {}
        self._started: dict[str, NodeControl] = {}
        self._server: str | None = None
        self._token: str | None = None

    def run(self) -> ClusterUp:
        """Bring it up.

        Raises:
            DistnetError: the wheel cannot be built here.
        """
        is_local = isinstance(self._cluster, Local)
        install = "none" if is_local else getattr(self._cluster, "install", "none")
        self._contents = contents(install, getattr(self._cluster, "packages", ()))
        outcomes = self._fleet.each(self._file.hosts, self._one)
        is_up = outcomes[self._head_host.name].error is None
        if not is_up or self._fleet.is_interrupted.is_set():
            self._undo()
            return ClusterUp(outcomes, {}, None, None, self._fleet.is_interrupted.is_set())
        removed = self._remove_others()
        return ClusterUp(outcomes, removed, self._server, self._token, is_interrupted=False)

    def _one(self, host: Host) -> Up:
        try:
            return self._steps(host)
        except HostError:
            if host == self._head_host:
                self._head_has_failed.set()
            raise

    def _steps(self, host: Host) -> Up:
        is_head = host == self._head_host
        shell = self._step(host, "connect", lambda: self._fleet.shells.get(host))
        pythons = self._step(host, "python", lambda: find_pythons(shell))
        head = None if is_head else self._wait_for_head(host)
        python = choose(
            shell,
            pythons,
            needs_distnet=self._contents is None,
            minor=None if head is None else head.python.minor,
            head=self._head_host.name,
        )
        facts = self._step(host, "probe", lambda: self._probe(shell, python, head))
        if head is None:
            head = self._meet(facts, python)
        self._require_free_of_others(host, facts, head)
        environment = self._step(host, "environment", lambda: self._prepare(host, python, facts))
        if not is_head:
            self._require_same_versions(host, environment)
        return self._step(host, "start", lambda: self._start(shell, facts, environment, head))

    def _step(self, host: Host, step: str, work: Callable[[], Result]) -> Result:
        self._fleet.check(host)
        self._report(host.name, step, "")
        return work()

    def _probe(self, shell: Shell, python: Python, head: _Head | None) -> Facts:
        towards = None if head is None else head.facts.address
        return probe(shell, python, f"{self._cluster.folder}/{self._file.name}", towards)

    def _meet(self, facts: Facts, python: Python) -> _Head:
        """Let the others know of the head."""
        has_token = self._cluster.auth == "token"
        identity = facts.identity or new_identity(has_token=has_token)
        self._head = _Head(facts, python, identity)
        return self._head

    def _wait_for_head(self, host: Host) -> _Head:
        name = self._head_host.name
        self._report(host.name, "wait", f"for {name}")
        self._wait(host, lambda: self._head is not None)
        assert self._head is not None
        return self._head

    def _wait(self, host: Host, is_so: Callable[[], bool]) -> None:
        while not is_so():
            self._fleet.check(host)
            if self._head_has_failed.wait(WAIT_S) and not is_so():
                name = self._head_host.name
                found = f"the head, {name}, is not up"
                raise HostError(host.name, "wait", "head-failed", found, f"see what {name} says")

    def _require_free_of_others(self, host: Host, facts: Facts, head: _Head) -> None:
        node = facts.node
        wanted = head.identity.mark(host)
        if node is not None and node["mark"] != wanted:
            found = f"it is a node of another cluster {node['cluster']}, as {node['host']}"
            remedy = "bring that down first, or give this one another `name`"
            raise HostError(host.name, "probe", "other-cluster", found, remedy)
        role = "head" if host == self._head_host else "worker"
        if node is not None and node["role"] != role:
            found = f"it is the {node['role']} of this cluster, expected a {role}"
            remedy = "bring the cluster down before you move the head: distnet cluster down FILE"
            raise HostError(host.name, "probe", "head-moved", found, remedy)
        with self._lock:
            first = self._addresses.setdefault(facts.address, host.name)
        if first != host.name:
            found = f"it has the address of {first}, {facts.address}, so it is listed twice"
            remedy = "list each machine once, or set its `address`"
            raise HostError(host.name, "probe", "host-twice", found, remedy)

    def _prepare(self, host: Host, python: Python, facts: Facts) -> Environment:
        def progress(line: str) -> None:
            self._report(host.name, "environment", line)

        shell = self._fleet.shells.get(host)
        return prepare(shell, python, facts.folder, self._contents, progress)

    def _require_same_versions(self, host: Host, environment: Environment) -> None:
        self._report(host.name, "wait", f"for {self._head_host.name}")
        self._wait(host, lambda: self._head_versions is not None)
        assert self._head_versions is not None
        head, own = self._head_versions, environment.versions
        unlike = [name for name in SAME if own[name] != head[name]]
        if unlike:
            found = ", ".join(f"{name} {own[name]}" for name in unlike)
            wanted = ", ".join(f"{name} {head[name]}" for name in unlike)
            raise HostError(
                host.name,
                "environment",
                "other-version",
                f"found {found}, expected {wanted} as on {self._head_host.name}",
                "install the same version there, or set `install: checkout`",
            )

    def _start(self, shell: Shell, facts: Facts, environment: Environment, head: _Head) -> Up:
        host = shell.host
        is_head = host == self._head_host
        settings = make_settings(
            self._file,
            host,
            facts,
            head.facts,
            identity=head.identity,
            environment=environment,
        )
        control = NodeControl(shell, environment.python, self._file.name, facts.folder)
        if is_head and settings.server is not None:
            self._prepare_server(control, facts, environment, settings.server.address)
        self._started[host.name] = control  # before it is: an interrupt may come at any time
        is_new = control.start(settings, head.identity.token)
        if not is_new:
            del self._started[host.name]
        if is_head:
            self._server = None if settings.server is None else settings.server.address
            self._head_versions = environment.versions
        self._report(host.name, "up", "" if is_new else "unchanged")
        return Up(
            role=settings.role,
            address=facts.address,
            num_cpus=facts.num_cpus,
            num_gpus=facts.num_gpus,
            versions=environment.versions,
            clock_skew_s=facts.clock_skew_s,
            is_new=is_new,
        )

    def _prepare_server(
        self, control: NodeControl, facts: Facts, environment: Environment, address: str
    ) -> None:
        """Note which cluster it is, and make the user's token: without one it does not start."""
        assert self._head is not None
        if facts.identity is None:
            control.save_identity(self._head.identity)
        if facts.identity is None or not self._knows(address):
            self._token = control.new_token(environment.python, self._user)

    def _undo(self) -> None:
        """End what this call has started; environments stay, for the next one."""
        for control in self._started.values():
            with suppress(HostError):
                control.stop()

    def _remove_others(self) -> Mapping[str, Outcome[Down]]:
        """Remove the hosts that are no longer in the file, and note those that are."""
        assert self._head is not None
        head, name, base = self._head, self._file.name, self._cluster.folder
        own = {host.name for host in self._file.hosts}
        gone = [host for facts in head.identity.hosts if (host := host_from(facts)).name not in own]
        removed = bring_down(self._fleet, gone, name, base, keeps_data=True, report=self._report)
        left = [host_facts(host) for host in gone if removed[host.name].error]
        here = [host_facts(host) for host in self._file.hosts]
        identity = replace(head.identity, hosts=(*here, *left))
        if identity != head.identity:
            shell = self._fleet.shells.get(self._head_host)
            control = NodeControl(shell, head.python.path, name, head.facts.folder)
            control.save_identity(identity)
        return removed
