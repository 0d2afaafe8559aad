"""Reservations: nodes that are kept for some users and teams, for a window of time."""

from typing import Annotated

from pydantic import Field, Strict

from distnet.protocol.message import Message, Node, UpTo1000
from distnet.protocol.numbers import Time
from distnet.spec.sections.section import Name


class ReservationRequest(Message):
    """Reserve nodes."""

    name: Name
    starts_at: Time
    ends_at: Time
    count: Annotated[int, Strict(), Field(ge=1, le=10_000)] | None = None
    """How many nodes; the server chooses them. Or name them in `nodes`."""
    nodes: UpTo1000[Node] = ()
    """Names or ids."""
    users: UpTo1000[Name] = ()
    teams: UpTo1000[Name] = ()
    """Their jobs may start there; at least one user or team."""


class ReservationResponse(Message):
    """A reservation."""

    name: str
    starts_at: float
    ends_at: float
    nodes: tuple[str, ...]
    users: tuple[str, ...]
    teams: tuple[str, ...]
    actor: str
    """Who has made it."""
    is_active: bool
    """Whether its window is open."""


class ReservationsResponse(Message):
    """All reservations that have not ended, the next one first."""

    reservations: tuple[ReservationResponse, ...]
