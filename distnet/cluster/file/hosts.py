"""The hosts of a cluster file: machines that exist, this one or others over ssh."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import Discriminator, Tag

from distnet.cluster.file.matching import matching
from distnet.cluster.file.words import (
    Count,
    HostName,
    Ip,
    Label,
    Port,
    Resource,
    User,
)
from distnet.cluster.host import Host
from distnet.spec.sections.section import PositiveFloat, Section


class HostSection(Section):
    """A host with more than its name."""

    host: HostName
    """What ssh connects to: a name of your ssh configuration, a DNS name or an address."""
    name: HostName | None = None
    """How distnet calls it. Default: `host`."""
    user: User | None = None
    """The user to log in as. Default: that of your ssh configuration, else your own name."""
    port: Port | None = None
    """The port of its sshd. Default: that of your ssh configuration, else 22."""
    key: Annotated[str, matching(".+", "the file of a private key")] | None = None
    """The file of your private key, relative to the cluster file. Default: your ssh agent and
    configuration."""
    jump: HostName | None = None
    """The host through which ssh connects: another of `hosts`, or a name of your ssh
    configuration."""
    address: Ip | None = None
    """The IP address at which the other hosts reach it. Default: that of the interface through
    which it reaches the head."""
    cpus: Count | None = None
    """CPU cores that it offers. Default: all."""
    gpus: Count | None = None
    """GPUs that it offers. Default: all."""
    labels: dict[Label, Label] = {}
    """Labels of the node, such as {gpu: H100}."""
    resources: dict[Resource, PositiveFloat] = {}
    """Custom resources of the node, such as {licences: 2}."""


def _form(value: object) -> str:
    return "section" if isinstance(value, dict | HostSection) else "name"


HostEntry = Annotated[
    Annotated[HostName, Tag("name")] | Annotated[HostSection, Tag("section")],
    Discriminator(_form),
]


def host_of(entry: str | HostSection, folder: Path) -> Host:
    """Make the host of an entry; relative paths are relative to `folder`."""
    if isinstance(entry, str):
        return Host(name=entry, hostname=entry)
    return Host(
        name=entry.name or entry.host,
        hostname=entry.host,
        user=entry.user,
        port=entry.port,
        key=folder / Path(entry.key).expanduser() if entry.key else None,
        jump=entry.jump,
        address=entry.address,
        cpus=entry.cpus,
        gpus=entry.gpus,
        labels=entry.labels,
        resources=entry.resources,
    )


def name_of(entry: Any) -> str | None:
    """The name that an entry of a file, valid or not, gives to its host."""
    if isinstance(entry, dict):
        entry = entry.get("name") or entry.get("host")
    return entry.rpartition("@")[2] if isinstance(entry, str) else None
