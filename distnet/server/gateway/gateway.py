"""What the server asks of a cluster. Ray's is in `ray_gateway.py`; tests have one in memory."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from distnet.scheduler.view import Node


class Sight(StrEnum):
    """What the cluster says of an attempt: a hint, never the truth."""

    PENDING = "pending"
    RUNNING = "running"
    ENDED = "ended"
    """It says that the process has ended, in whatever way."""
    ABSENT = "absent"
    """It answers, and knows of no such attempt."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The cluster at one moment."""

    cluster: str
    """The id of this Ray; another one means that everything of before is gone."""
    nodes: tuple[Node, ...]
    seen_at: float


@dataclass(frozen=True, slots=True)
class Order:
    """An attempt to begin: no text of a user's is in it."""

    submission: str
    server: str
    """The address at which the attempt finds the server."""
    secret: str
    """With which it reports."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables of whoever runs the server, for all attempts."""


class Gateway(Protocol):
    """A cluster. Every method may raise UnavailableError: then nothing is known."""

    def look(self) -> Snapshot:
        """The nodes that are alive, and what they have for distnet."""
        ...

    def start(self, order: Order) -> None:
        """Begin an attempt; one with this id that was begun before is left as it is."""
        ...

    def sight(self, submission: str) -> Sight:
        """What the cluster says of an attempt."""
        ...

    def last_words(self, submission: str) -> str:
        """What the cluster says of how an attempt ended, as far as it knows."""
        ...

    def end(self, submission: str) -> None:
        """Kill an attempt and everything of it; one that is not there is no error."""
        ...

    def forget(self, submission: str) -> None:
        """Remove what the cluster still keeps of an attempt that has ended."""
        ...
