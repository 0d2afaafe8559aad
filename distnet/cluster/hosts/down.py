"""End nodes and remove what they left, and observe them."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from distnet.cluster.errors import HostError
from distnet.cluster.file.providers import Local, Ssh
from distnet.cluster.host import Host
from distnet.cluster.hosts.facts import host_from
from distnet.cluster.hosts.fleet import Fleet, HostProgress, Outcome
from distnet.cluster.hosts.node_control import IDENTITY, NodeControl
from distnet.cluster.hosts.pythons import find_pythons, usable


@dataclass(frozen=True)
class Down:
    """A host that is no node any more."""

    num_processes: int
    """That were ended."""
    kept: tuple[str, ...]
    """Folders that stay, because there are results in them."""


def bring_down(
    fleet: Fleet,
    hosts: Iterable[Host],
    cluster: str,
    base: str,
    *,
    keeps_data: bool,
    report: HostProgress,
) -> Mapping[str, Outcome[Down]]:
    """End the nodes of hosts, and remove their folders.

    Args:
        fleet: the hosts of the cluster.
        hosts: those to bring down.
        cluster: the name of the cluster.
        base: the folder of all clusters on the hosts, as the cluster file has it.
        keeps_data: whether ledger and runs stay, if there are any.
        report: shows a host, the step that it is at, and details.
    """
    parents = [base, *(["~/.distnet"] if base.startswith("~/.distnet/") else [])]

    def one(host: Host) -> Down:
        report(host.name, "down", "")
        done = control_of(fleet, host, cluster, base).remove(parents, keeps_data=keeps_data)
        report(host.name, "down", "done")
        return Down(done["num_ended"], tuple(done["kept"]))

    return fleet.each(hosts, one)


def recorded_hosts(
    fleet: Fleet, head: Host, hosts: Iterable[Host], cluster: Local | Ssh
) -> list[Host]:
    """Hosts that the head knows and that are gone from the file; none if it cannot be reached."""
    own = {host.name for host in hosts}
    try:
        facts = json.loads(
            fleet.shells.get(head).get(f"{cluster.folder}/{cluster.name}/{IDENTITY}")
        )
    except (HostError, ValueError):
        return []
    return [host for each in facts["hosts"] if (host := host_from(each)).name not in own]


def observe(
    fleet: Fleet, hosts: Iterable[Host], cluster: str, base: str
) -> Mapping[str, Outcome[dict[str, Any]]]:
    """Find out what runs on hosts."""
    return fleet.each(hosts, lambda host: control_of(fleet, host, cluster, base).status())


def control_of(fleet: Fleet, host: Host, cluster: str, base: str) -> NodeControl:
    """Connect to a host, to control its node.

    Raises:
        HostError: it cannot be connected, or has no Python.
    """
    shell = fleet.shells.get(host)
    python = usable(shell, find_pythons(shell))
    return NodeControl(shell, python.path, cluster, f"{base}/{cluster}")
