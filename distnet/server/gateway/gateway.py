"""What the server needs of a cluster. `ray_gateway.py` implements it; tests have one in memory."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from distnet.scheduler.view import Node


class AbsentError(Exception):
    """The cluster responds, and does not know the attempt."""


class ProcessStatus(StrEnum):
    """The status of an attempt's process by the cluster's account: a hint, never the truth."""

    PENDING = "pending"
    RUNNING = "running"
    ENDED = "ended"
    """The process has ended, in whatever way."""
    ABSENT = "absent"
    """The cluster responds, and does not know the attempt."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The cluster at one moment."""

    cluster: str
    """The id of this Ray session; a new one means that everything from before is gone."""
    nodes: tuple[Node, ...]
    seen_at: float


@dataclass(frozen=True, slots=True)
class StartRequest:
    """An attempt to start; it contains no text of a user."""

    submission: str
    server: str
    """The address at which the agent reaches the server."""
    secret: str
    """Authenticates the agent's reports."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables for all attempts, from the settings of the server."""


class Gateway(Protocol):
    """A cluster. Every method may raise UnavailableError: then nothing is known."""

    def snapshot(self) -> Snapshot:
        """List the nodes that are alive, and the resources that distnet can use there."""
        ...

    def start(self, request: StartRequest) -> None:
        """Start an attempt; does nothing if one with this id was started before."""
        ...

    def status(self, submission: str) -> ProcessStatus:
        """Get the status of an attempt."""
        ...

    def end_message(self, submission: str) -> str:
        """Get the cluster's message about how an attempt ended; empty if it has none."""
        ...

    def kill(self, submission: str) -> None:
        """Kill an attempt and all its processes; does nothing if it is absent."""
        ...

    def delete(self, submission: str) -> None:
        """Delete the cluster's record of an attempt that has ended."""
        ...

    def scale(self, nodes: Mapping[str, int]) -> Mapping[str, str]:
        """Have an autoscaler keep this many nodes of each group, until the next call.

        Idle nodes beyond these are removed after a while.

        Returns:
            By group, why nodes do not come, as far as the autoscaler says.
        """
        ...
