"""How one server is set up: fixed from its start to its end.

`distnet server start` takes the common ones as options, the rest from a YAML file
(`settings_file.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from distnet.scheduler.view import Policy

PORT = 8270
MB = 1_000_000


@dataclass(frozen=True, slots=True)
class Limits:
    """What one user, and one address, may ask of the server."""

    user_per_s: float = 1000.0
    """Requests of a user; twice as many at once."""
    address_per_s: float = 3000.0
    """Requests from an address, whoever makes them; twice as many at once."""
    wrong_per_s: float = 0.5
    """Wrong tokens from an address; twenty at once."""
    denied_per_s: float = 2.0
    """Refusals of a user, or of an address without one, that the event log keeps."""
    body_bytes: int = 8 * MB
    bulk_bytes: int = 64 * MB
    code_bytes: int = 50 * MB
    log_bytes: int = 256 * MB
    """Of each stream of an attempt; the run folder has the rest."""
    body_s: float = 60.0
    """A body must have come whole within this time."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What the jobs of one user may be."""

    open_jobs: int = 100_000
    """So many at a time."""
    priority: int = 1000
    """No higher than this; those of admins may be."""


@dataclass(frozen=True, slots=True)
class Webhooks:
    """Whom the server tells that a job ended. Their hosts are the only ones it ever calls."""

    urls: tuple[str, ...]
    """Each https."""
    secret: str
    """Signs what is sent."""
    private: tuple[str, ...] = ()
    """Networks such as 10.1.0.0/16 in which a host may be; others must be public."""
    authority: Path | None = None
    """Certificates to trust instead of the system's."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that a server is told when it starts."""

    ledger: str
    """The ledger's URL."""
    runs: Path
    """The folder of run folders, absolute; every node of the cluster sees it there."""
    address: str = f"http://127.0.0.1:{PORT}"
    """How attempts reach the server."""
    listen: str = "127.0.0.1"
    """The address on which the server listens."""
    hosts: tuple[str, ...] = ()
    """Names, besides its addresses, under which browsers may call the server."""
    silent_after_s: float = 30.0
    """An attempt that has not reported for so long is unknown."""
    lost_after_s: float = 60.0
    """An attempt that the cluster has ended, and that is silent for so long, is lost."""
    report_every_s: float = 1.0
    """How often attempts report."""
    policy: Policy = Policy()
    allowance: Allowance = Allowance()
    limits: Limits = Limits()
    webhooks: Webhooks | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables for all attempts, such as NCCL_SOCKET_IFNAME; Ray keeps them in plain text."""
