"""Schedules in the ledger."""

from sqlalchemy import Connection, delete, select

from distnet.server.ledger.records import ScheduleRecord
from distnet.server.ledger.rows import from_row, to_row, upsert
from distnet.server.ledger.tables import schedules


def save_schedule(tx: Connection, record: ScheduleRecord) -> None:
    """Insert a schedule, or write all its columns."""
    upsert(tx, schedules, [to_row(record)])


def read_schedules(tx: Connection) -> list[ScheduleRecord]:
    """Read all schedules, by name."""
    found = [from_row(ScheduleRecord, row) for row in tx.execute(select(schedules))]
    return sorted(found, key=lambda record: record.name)


def delete_schedule(tx: Connection, name: str) -> bool:
    """Delete a schedule; its jobs are kept. Returns whether it existed."""
    return tx.execute(delete(schedules).where(schedules.c.name == name)).rowcount > 0
