"""The cluster and the event log."""

from distnet.protocol.message import Message


class EventAnswer(Message):
    """One line of the event log."""

    number: int
    time: float
    kind: str
    job: str | None
    actor: str
    text: str


class EventsAnswer(Message):
    """A part of the event log, oldest first."""

    events: tuple[EventAnswer, ...]
    next: int
    """Give this as `after` for what comes next."""


class NodeAnswer(Message):
    """A machine of the cluster and who is on it."""

    id: str
    name: str
    cpus: float
    gpus: float
    free_cpus: float
    free_gpus: float
    is_draining: bool
    jobs: dict[str, int]
    """Workers of each job."""


class ClusterAnswer(Message):
    """The cluster as it was seen last."""

    is_reachable: bool
    seen_at: float | None
    reason: str
    nodes: tuple[NodeAnswer, ...]
