"""Drained nodes in the ledger."""

from collections.abc import Iterable

from sqlalchemy import Connection, delete, select

from distnet.server.ledger.records import DrainRecord
from distnet.server.ledger.rows import from_row, to_row, upsert
from distnet.server.ledger.tables import drains


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
