"""What `distnet doctor` examines: this machine, the nodes of a Ray, or the hosts of a file."""

import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from distnet.cluster.doctor.by_ray import examine_by_ray
from distnet.cluster.doctor.facts import Examination, Failed, Node, Storage
from distnet.cluster.doctor.gather import ServiceAddress, Wanted, gather
from distnet.cluster.doctor.ssh_reach import SshReach
from distnet.cluster.errors import HostError
from distnet.cluster.file.providers import Local, Ssh
from distnet.cluster.file.read import ClusterFile
from distnet.cluster.file.words import share_of, store_of
from distnet.cluster.host import Host
from distnet.cluster.hosts.fleet import Fleet, HostProgress, OnlyThisMachine
from distnet.cluster.node.settings import FILE

HERE = "this machine"
TEMPORARY = "temporary files"
ON_LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
"""Without it, Ray's programs take the machine's routable address for that of its node."""


def examine_here(runs: str, secrets: Mapping[str, str], report: HostProgress) -> Examination:
    """Examine this machine.

    Args:
        runs: the folder of run folders.
        secrets: files that hold tokens, by what they are for.
        report: shows the progress.
    """
    reach = SshReach(Fleet(OnlyThisMachine()), [Host(HERE, HERE)], report)
    return gather(reach, Wanted({HERE: _given(runs, secrets, sys.executable)}, {}))


def examine_ray(
    address: str, runs: str, secrets: Mapping[str, str], report: HostProgress
) -> Examination:
    """Examine all nodes of a Ray that runs, from a machine of it.

    Args:
        address: `host:port` of Ray, or `auto`.
        runs: the folder of run folders, which nodes may share.
        secrets: files that hold tokens, by what they are for.
        report: shows the progress.
    """
    shell = OnlyThisMachine().get(Host(HERE, HERE))
    own = _given(runs, secrets, None)
    given = {"address": address, "examine": own, "names": {}, "storage": runs}
    try:
        variables = ON_LOOPBACK if address.startswith("127.") else {}
        return examine_by_ray(shell, sys.executable, given, report, variables=variables)
    except HostError as error:
        return Examination((), (Failed(address, error.step, error.found, error.remedy),))


def examine_hosts(
    file: ClusterFile,
    cluster: Local | Ssh,
    fleet: Fleet,
    hosts: Sequence[Host],
    report: HostProgress,
    *,
    is_quick: bool,
) -> Examination:
    """Examine hosts of a cluster file, whether they are nodes already or not.

    Args:
        file: the cluster file.
        cluster: what is in it.
        fleet: its hosts.
        hosts: those to examine.
        report: shows the progress.
        is_quick: without the storage and the exchange.
    """
    folder = f"{cluster.folder}/{cluster.name}"
    installs = getattr(cluster, "install", "none") != "none"
    given = {host.name: _given_of(file, cluster, host, folder, is_quick=is_quick) for host in hosts}
    share = share_of(cluster.storage)
    more = {h.name: {"is_installed_later": installs, "wants_gpus": h.gpus} for h in hosts}
    wanted = Wanted(
        given,
        more,
        services=lambda nodes: _services(file, cluster, nodes),
        storage=None if is_quick or len(hosts) < 2 else Storage(share, is_required=True),
    )
    found = gather(SshReach(fleet, hosts, report), wanted)
    if is_quick or len(found.nodes) < 2:
        return found
    return _with_exchange(found, file, fleet, folder, report)


def _with_exchange(
    found: Examination, file: ClusterFile, fleet: Fleet, folder: str, report: HostProgress
) -> Examination:
    """Add the speed of an exchange, if there is a Ray that could make one."""
    head = next((node for node in found.nodes if node.name == file.head.name), None)
    if any(link.error or link.is_large_lost for link in found.links):
        why = "no exchange was made: it would hang with these links"
        return replace(found, omitted=(why,))
    if head is None or not any(ray.mark for ray in head.rays):
        why = f"no exchange was made: no Ray runs; bring it up: distnet cluster up {file.path}"
        return replace(found, omitted=(why,))
    shell = fleet.shells.get(file.head)
    names = {node.address: node.name for node in found.nodes}
    try:
        settings = json.loads(shell.get(f"{folder}/{FILE}"))
        given = {"address": settings["head"], "examine": None, "names": names, "storage": None}
        python, variables = settings["python"], _token_of(head)
        by_ray = examine_by_ray(shell, python, given, report, variables=variables)
    except HostError as error:
        failed = Failed(file.head.name, error.step, error.found, error.remedy)
        return replace(found, failed=(*found.failed, failed))
    return replace(found, exchanges=by_ray.exchanges)


def _given(runs: str, secrets: Mapping[str, str], python: str | None) -> dict[str, Any]:
    return {
        "cluster": None,
        "python": python,
        "address": None,
        "folders": {"runs": runs, TEMPORARY: tempfile.gettempdir()},
        "secrets": dict(secrets),
        "ports": [],
        "store": None,
    }


def _given_of(
    file: ClusterFile, cluster: Local | Ssh, host: Host, folder: str, *, is_quick: bool
) -> dict[str, Any]:
    ports = []
    if host.name == file.head.name:
        own = host.address or ""
        ports = [
            ("ports.ray", own, cluster.ports.ray),
            ("ports.dashboard", "127.0.0.1", cluster.ports.dashboard),
            ("server.port", cluster.server.listen or own, cluster.server.port),
        ]
    share = share_of(cluster.storage)
    storage = {} if share is None else {"storage": share}
    return {
        "cluster": folder,
        "python": None,
        "address": host.address,
        "folders": {"cluster": cluster.folder, TEMPORARY: "/tmp", **storage},
        "secrets": {},
        "ports": ports,
        "store": None if is_quick else store_of(cluster.storage),
    }


def _services(
    file: ClusterFile, cluster: Local | Ssh, nodes: Sequence[Node]
) -> list[ServiceAddress]:
    """What all nodes are to reach, once the head is up."""
    head = next((node for node in nodes if node.name == file.head.name), None)
    if head is None or head.address is None or not any(ray.mark for ray in head.rays):
        return []
    server = cluster.server
    return [
        ("Ray", head.address, cluster.ports.ray),
        ("the server", server.listen or head.address, server.port),
    ]


def _token_of(head: Node) -> dict[str, str]:
    """The variables with which a program on the head connects to its Ray."""
    for secret in head.secrets:
        if secret.purpose == "ray" and secret.digest:
            return {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": secret.path}
    return {"RAY_AUTH_MODE": "disabled"}
