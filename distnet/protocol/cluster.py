"""The cluster and the event log."""

from distnet.protocol.message import Message

GROUP_LABEL = "distnet.io/group"
"""The label with the group of a cluster file that a node is of."""


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


class GroupResponse(Message):
    """A group of nodes that an autoscaler adds and removes."""

    name: str
    cpus: float
    """Of each node."""
    gpus: float
    num_nodes: int
    """Nodes that are there."""
    max_nodes: int
    num_adding: int
    """Nodes that are being added."""
    adding_since: float | None
    """Since when, or when the last one came."""
    reason: str
    """Why none come, as far as known."""


class ClusterResponse(Message):
    """The newest snapshot of the cluster."""

    is_reachable: bool
    seen_at: float | None
    reason: str
    nodes: tuple[NodeResponse, ...]
    groups: tuple[GroupResponse, ...] = ()
