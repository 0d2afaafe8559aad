"""A host of a cluster: how ssh reaches it, and what it offers to Ray."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Host:
    """A machine that is to become a node. What is None, ssh's configuration or Ray finds out."""

    name: str
    """Unique in its cluster."""
    hostname: str
    """What ssh connects to: a name of the user's ssh configuration, a DNS name or an address."""
    user: str | None = None
    port: int | None = None
    key: Path | None = None
    """The file of the private key."""
    jump: str | None = None
    """The host through which ssh connects."""
    address: str | None = None
    """The IP address at which the other hosts reach this one."""
    cpus: int | None = None
    gpus: int | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    resources: Mapping[str, float] = field(default_factory=dict)
    """Resources that Ray does not find out, such as licences."""
