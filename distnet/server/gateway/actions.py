"""Actions on the cluster: decided while the mirror is locked, carried out when it is not."""

from dataclasses import dataclass
from enum import StrEnum


class ActionKind(StrEnum):
    """What to do."""

    SNAPSHOT = "snapshot"
    START = "start"
    POLL = "poll"
    KILL = "kill"
    DELETE = "delete"
    SCALE = "scale"


@dataclass(frozen=True, slots=True)
class Action:
    """One request to the cluster."""

    kind: ActionKind
    submission: str = ""
    """The attempt, by its id with Ray; empty if it is about the nodes."""
    job: str = ""
