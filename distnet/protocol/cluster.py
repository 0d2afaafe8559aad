"""The cluster and the event log."""

from distnet.protocol.message import Message


class EventResponse(Message):
    """One line of the event log."""

    number: int
    time: float
    kind: str
    job: str | None
    actor: str
    text: str


class EventsResponse(Message):
    """A page of the event log, oldest first."""

    events: tuple[EventResponse, ...]
    next: int
    """Pass this as `after` to get the next page."""


class NodeResponse(Message):
    """A node of the cluster and the jobs on it."""

    id: str
    name: str
    cpus: float
    gpus: float
    free_cpus: float
    free_gpus: float
    is_draining: bool
    jobs: dict[str, int]
    """Workers of each job."""


class ClusterResponse(Message):
    """The newest snapshot of the cluster."""

    is_reachable: bool
    seen_at: float | None
    reason: str
    nodes: tuple[NodeResponse, ...]
