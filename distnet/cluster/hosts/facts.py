"""What a host is and offers, and what of it does not fit."""

import secrets
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from distnet.cluster.errors import HostError
from distnet.cluster.host import Host
from distnet.cluster.hosts.pythons import Python
from distnet.cluster.hosts.script import run_script
from distnet.cluster.ssh.shell import Shell

STEP = "probe"


@dataclass(frozen=True)
class Identity:
    """Which cluster it is; kept on the head, in `cluster.json`."""

    id: str
    token: str
    """Of Ray; empty: it has none."""
    hosts: tuple[Mapping[str, Any], ...]
    """How to reach the hosts that were brought up."""

    @property
    def sockets(self) -> str:
        """The folder of Ray's sockets: its path must be short, and the same on all hosts."""
        return f"/tmp/distnet-{self.id}"

    def mark(self, host: Host) -> str:
        """The mark of a node's processes."""
        return f"{self.id}-{host.name}"


def new_identity(*, has_token: bool) -> Identity:
    """The identity of a new cluster."""
    return Identity(secrets.token_hex(4), secrets.token_hex(32) if has_token else "", ())


@dataclass(frozen=True)
class Facts:
    """What a host is and offers."""

    folder: str
    """Of the cluster on that host; an absolute path."""
    address: str
    """At which the other nodes reach it."""
    num_cpus: int
    num_gpus: int
    gpus: tuple[str, ...]
    clock_skew_s: float
    """How far its clock is ahead of this machine's, as far as that can be seen."""
    identity: Identity | None
    """Of the cluster whose head it is."""
    node: Mapping[str, Any] | None
    """The settings of the node that it is."""


def probe(shell: Shell, python: Python, folder: str, towards: str | None) -> Facts:
    """Find out the facts of a host.

    Args:
        shell: of the host.
        python: of the host.
        folder: of the cluster, as the cluster file has it.
        towards: the address of the head; None for the head itself.

    Raises:
        HostError: it cannot become a node.
    """
    began = time.time()
    given = {"folder": folder, "towards": towards}
    found = run_script(shell, python.path, "probe", given, step=STEP)
    _require(shell.host, found)
    identity = found["cluster"]
    return Facts(
        folder=found["folder"],
        address=_address(shell.host, found["address"]),
        num_cpus=found["cpus"] if shell.host.cpus is None else shell.host.cpus,
        num_gpus=len(found["gpus"]) if shell.host.gpus is None else shell.host.gpus,
        gpus=tuple(found["gpus"]),
        clock_skew_s=_skew(found["time"], began, time.time()),
        identity=identity and Identity(identity["id"], identity["token"], tuple(identity["hosts"])),
        node=found["node"],
    )


def host_facts(host: Host) -> dict[str, Any]:
    """How to reach a host, as JSON."""
    return asdict(replace(host, key=None)) | {"key": host.key and str(host.key)}


def host_from(facts: Mapping[str, Any]) -> Host:
    """The host of `host_facts`."""
    key = facts["key"]
    return Host(**{**facts, "key": None if key is None else Path(key)})


def _require(host: Host, found: Mapping[str, Any]) -> None:
    if found["system"] != "Linux":
        remedy = "take a host with Linux; Ray's clusters need it"
        raise HostError(host.name, STEP, "system", f"found {found['system']}", remedy)
    if not found["is_writable"]:
        wrong = f"this user may not write in {found['base']}"
        remedy = "set another `folder` in the cluster file, or change its owner"
        raise HostError(host.name, STEP, "no-permission", wrong, remedy)
    if (host.gpus or 0) > len(found["gpus"]):
        names = ", ".join(found["gpus"]) or "none"
        wrong = f"found {len(found['gpus'])} GPUs ({names}), expected {host.gpus}"
        remedy = "install the GPU's driver, or change `gpus` in the cluster file"
        raise HostError(host.name, STEP, "no-gpu", wrong, remedy)


def _address(host: Host, found: str | None) -> str:
    address = host.address or found
    if address is None:
        wrong = "found no network on which the other hosts could reach it"
        raise HostError(host.name, STEP, "no-address", wrong, "set its `address`")
    return address


def _skew(there_s: float, began_s: float, ended_s: float) -> float:
    """0 if its time lies between those at which it was requested and arrived."""
    return there_s - min(max(there_s, began_s), ended_s)
