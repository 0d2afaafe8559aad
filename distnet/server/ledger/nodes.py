"""Drained nodes and reservations in the ledger."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Row, delete, select

from distnet.server.ledger.records import DrainRecord, ReservationRecord
from distnet.server.ledger.rows import from_row, to_row, upsert
from distnet.server.ledger.tables import drains, reservations


def save_drains(tx: Connection, records: Iterable[DrainRecord]) -> None:
    """Insert drained nodes, or write all their columns."""
    upsert(tx, drains, [to_row(record) for record in records])


def read_drains(tx: Connection) -> list[DrainRecord]:
    """Read all of them, by the name of the node."""
    found = [from_row(DrainRecord, row) for row in tx.execute(select(drains))]
    return sorted(found, key=lambda record: record.node)


def delete_drain(tx: Connection, node: str) -> None:
    """Delete what says that a node is drained."""
    tx.execute(delete(drains).where(drains.c.node == node))


def save_reservations(tx: Connection, records: Iterable[ReservationRecord]) -> None:
    """Insert reservations, or write all their columns."""
    upsert(tx, reservations, [to_row(record) for record in records])


def read_reservations(tx: Connection) -> list[ReservationRecord]:
    """Read all of them, by name."""
    found = [_reservation(row) for row in tx.execute(select(reservations))]
    return sorted(found, key=lambda record: record.name)


def delete_reservation(tx: Connection, name: str) -> None:
    """Delete a reservation."""
    tx.execute(delete(reservations).where(reservations.c.name == name))


def _reservation(row: Row[Any]) -> ReservationRecord:
    values = row._asdict()
    values |= {name: tuple(values[name]) for name in ("nodes", "users", "teams")}
    return ReservationRecord(**values)
