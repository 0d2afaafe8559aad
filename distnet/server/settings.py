"""The settings of a server, fixed while it runs.

`distnet server start` takes the common ones as options, and the others from a YAML file
(`settings_file.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from distnet.data.cache.by_content import DATASETS
from distnet.scheduler.view import Policy
from distnet.server import presets
from distnet.server.gateway.node_groups import NodeGroup

PORT = 8270
MB = 1_000_000


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits for the connections and requests of a user, and of an IP address."""

    connections: int = 8000
    """Half of them for users, a quarter for attempts, a quarter for who has shown no token."""
    connections_per_address: int = 1000
    """Of those that have shown no token: the nodes of a cluster may have one address."""
    connections_per_user: int = 500
    connections_per_attempt: int = 16
    served_per_user: int = 8
    """Requests of a user, or of an attempt, that are served at once; others wait their turn."""
    job_file_bytes: int = 128_000
    """A job file with its overrides and its sweep."""
    drafts: int = 2
    """Requests with job files that are read at once."""
    draft_s: float = 120.0
    """The time in which the job files of a request must be read."""
    followers_per_user: int = 250
    """Requests of a user that wait for more of a log."""
    unread_bytes: int = 64 * MB
    """Responses that a user, or an attempt, has not read yet."""
    head_bytes: int = 64_000
    """The request line and the headers of a request."""
    url_bytes: int = 16_000
    head_s: float = 15.0
    """The time within which the head of a request must arrive."""

    user_per_s: float = 1000.0
    """Requests of a user; bursts of twice as many."""
    address_per_s: float = 3000.0
    """Requests from an address, of any users; bursts of twice as many."""
    wrong_per_s: float = 0.5
    """Wrong tokens from an address; bursts of twenty."""
    denied_per_s: float = 2.0
    """Refused requests of a user, or of an address without one, that the event log records."""
    body_bytes: int = 8 * MB
    bulk_bytes: int = 64 * MB
    code_bytes: int = 50 * MB
    log_bytes: int = 256 * MB
    """What is kept of an attempt's `run` log, of its metrics, and of all its other logs together;
    the run folder has the rest."""
    streams: int = 1000
    """Logs of an attempt besides those of its workers: `run`, `metrics`, programs on its nodes."""
    dataset_bytes: int = 200_000 * MB
    """The size of all datasets that the server keeps, together."""
    body_s: float = 60.0
    """The time within which a body must arrive."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """Limits for the jobs of a user."""

    open_jobs: int = 100_000
    priority: int = presets.DEFAULT.priority
    """The highest priority that a submitter may give."""
    not_preemptible_s: float = presets.DEFAULT.not_preemptible_s
    """The longest `queue.max_time` of a submitter's job that cannot be preempted."""
    grace_s: float = presets.DEFAULT.grace_s
    """The longest `queue.grace` of a submitter's job."""


@dataclass(frozen=True, slots=True)
class Webhooks:
    """URLs that the server calls when a job has ended. It calls no other hosts."""

    urls: tuple[str, ...]
    """All https."""
    secret: str
    """Signs the messages."""
    private: tuple[str, ...] = ()
    """Private networks in which hosts are allowed, such as 10.1.0.0/16."""
    authority: Path | None = None
    """Certificates to trust instead of the system's."""


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of a server."""

    ledger: str
    """The ledger's URL."""
    runs: Path
    """The folder of run folders: an absolute path, the same on every node of the cluster."""
    address: str = f"http://127.0.0.1:{PORT}"
    """The address at which attempts reach the server."""
    listen: str = "127.0.0.1"
    """The address on which the server listens."""
    hosts: tuple[str, ...] = ()
    """Names of the server, besides its addresses, that browsers may use."""
    proxies: tuple[str, ...] = ()
    """Addresses and networks of proxies that are believed about the address of a client."""
    silent_after_s: float = 30.0
    """The time without a report after which an attempt is unknown."""
    lost_after_s: float = 60.0
    """The time without a report after which an attempt is lost, if its process is gone too."""
    report_every_s: float = 1.0
    """How often attempts report."""
    policy: Policy = Policy()
    allowance: Allowance = Allowance()
    limits: Limits = Limits()
    webhooks: Webhooks | None = None
    notices: Path | None = None
    """A file with the addresses, of mail or chat, that get a notice when a job has ended."""
    keep_s: float | None = None
    """How long after its end a job keeps its logs, events and own files; None: forever."""
    groups: tuple[NodeGroup, ...] = ()
    """The groups of nodes that Ray's autoscaler adds and removes."""
    checkpoints: str | None = None
    """The object store for checkpoints of jobs that name none. Default: their run folders."""
    datasets: Path | None = None
    """The folder of uploaded datasets. Default: `.datasets` in `runs`."""
    umask: int | None = None
    """Of attempts, so of the run folders that they make. Default: that of the nodes."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables for all attempts, such as NCCL_SOCKET_IFNAME; Ray keeps them in plain text."""

    @property
    def dataset_folder(self) -> Path:
        """The folder of uploaded datasets."""
        return self.runs / DATASETS if self.datasets is None else self.datasets
