"""Reservations as users see them."""

from distnet.protocol.reservations import ReservationResponse
from distnet.server.ledger.records import ReservationRecord


def reservation_response(record: ReservationRecord, now: float) -> ReservationResponse:
    """A reservation as users see it."""
    return ReservationResponse(
        name=record.name,
        starts_at=record.starts_at,
        ends_at=record.ends_at,
        nodes=record.nodes,
        users=record.users,
        teams=record.teams,
        actor=record.actor,
        is_active=record.starts_at <= now < record.ends_at,
    )
