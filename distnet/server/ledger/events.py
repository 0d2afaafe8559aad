"""The event log: what happened or was decided, and by whom. Events are only appended.

Those of jobs that have ended long ago are removed, see `loop/retention.py`.
"""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection, delete, func, insert, select

from distnet.server.ledger.records import EventRecord
from distnet.server.ledger.rows import LARGEST, chunks, from_row, to_row
from distnet.server.ledger.tables import events

LAST_NUMBER = select(func.max(events.c.number))
INSERT = insert(events)


def append_events(tx: Connection, records: Sequence[EventRecord]) -> list[EventRecord]:
    """Append events; returns them with their new numbers.

    Numbers follow the order of commits without gaps, so a reader that has read up to one number
    misses nothing when it asks for the events after it.
    """
    last = last_number(tx)
    numbered = [replace(record, number=last + 1 + at) for at, record in enumerate(records)]
    if numbered:
        tx.execute(INSERT, [to_row(record) for record in numbered])
    return numbered


def read_events(
    tx: Connection, *, after: int = 0, job: str | None = None, limit: int = 500
) -> list[EventRecord]:
    """Read events with numbers above `after`, of one job or of all, oldest first."""
    query = select(events).where(events.c.number > min(after, LARGEST))
    if job is not None:
        query = query.where(events.c.job == job)
    found = tx.execute(query.order_by(events.c.number).limit(limit))
    return [from_row(EventRecord, row) for row in found]


def remove_events(tx: Connection, job: str, most: int) -> int:
    """Remove up to `most` events of a job, the oldest first; returns how many.

    The newest event of the ledger stays, so that its number is not given again.
    """
    old = select(events.c.number).where(events.c.job == job, events.c.number < last_number(tx))
    numbers = tx.execute(old.order_by(events.c.number).limit(most)).scalars().all()
    for some in chunks(numbers):
        tx.execute(delete(events).where(events.c.number.in_(some)))
    return len(numbers)


def last_number(tx: Connection) -> int:
    """Read the number of the newest event; 0 if there is none."""
    return tx.execute(LAST_NUMBER).scalar() or 0


def newest(tx: Connection, kind: str) -> EventRecord | None:
    """Read the newest event of a kind."""
    query = select(events).where(events.c.kind == kind).order_by(events.c.number.desc()).limit(1)
    row = tx.execute(query).first()
    return from_row(EventRecord, row) if row else None
