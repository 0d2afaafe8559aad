"""The cluster and the event log."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from distnet.protocol.message import Message, Node, UpTo1000
from distnet.protocol.numbers import Flag

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


class NodeState(StrEnum):
    """The state of a node; the words are those of Slurm's sinfo."""

    IDLE = "idle"
    """Nothing of it is used."""
    MIXED = "mixed"
    ALLOCATED = "allocated"
    """All of its CPUs are used."""
    DRAINING = "draining"
    """Drained by an admin: nothing new starts there, but some jobs still run."""
    DRAINED = "drained"
    LEAVING = "leaving"
    """Ray is about to remove it."""
    ABSENT = "absent"
    """Drained, and not in the cluster at the moment."""


class NodeResponse(Message):
    """A node of the cluster and the jobs on it."""

    id: str
    name: str
    state: NodeState
    cpus: float
    """In total."""
    gpus: float
    free_cpus: float
    free_gpus: float
    others_cpus: float = 0.0
    """Used by other programs of the same Ray."""
    others_gpus: float = 0.0
    gpu: str = ""
    """The type of its GPUs; empty if it is unknown."""
    labels: dict[str, str] = {}
    is_draining: bool
    """Nothing new starts there, for whatever reason."""
    jobs: dict[str, int]
    """Workers of each job."""
    reservation: str = ""
    """The reservation whose window is open; empty: none."""
    leaving: str = ""
    """The jobs on it that report that it is about to be removed; empty: none does."""
    drain: "DrainResponse | None" = None
    """None: no admin has drained it."""


class DrainResponse(Message):
    """Who has drained a node, when, and why."""

    reason: str
    actor: str
    since: float


class DrainRequest(Message):
    """Start nothing new on nodes, until they are resumed."""

    nodes: Annotated[UpTo1000[Node], Field(min_length=1)]
    """Names or ids; a unique start of an id will do."""
    reason: Annotated[str, Field(min_length=1, max_length=200)]
    now: Flag = False
    """Move running jobs off at once, instead of letting them finish there."""


class ResumeRequest(Message):
    """Use drained nodes again."""

    nodes: Annotated[UpTo1000[Node], Field(min_length=1)]


class NodesResponse(Message):
    """The nodes of a request."""

    nodes: tuple[NodeResponse, ...]


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
