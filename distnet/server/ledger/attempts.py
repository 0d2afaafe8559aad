"""Attempts in the ledger."""

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, bindparam, insert, select, update

from distnet.protocol.errors import NotFoundError
from distnet.server.ledger.records import AttemptRecord
from distnet.server.ledger.rows import chunks, from_row, to_row
from distnet.server.ledger.tables import attempts

# Frequent statements are made once: that takes longer than running them.
INSERT = insert(attempts)
SAVE = update(attempts).where(
    attempts.c.job == bindparam("row_job"), attempts.c.number == bindparam("row_number")
)


def insert_attempts(tx: Connection, records: Sequence[AttemptRecord]) -> None:
    """Insert attempts, with new numbers, submissions and tokens."""
    if records:
        tx.execute(INSERT, [to_row(record) for record in records])


def save_attempts(tx: Connection, records: Sequence[AttemptRecord]) -> None:
    """Write all columns of attempts.

    Raises:
        NotFoundError: one of them was not inserted.
    """
    if not records:
        return
    rows = [to_row(record) for record in records]
    for row in rows:
        row["row_job"], row["row_number"] = row.pop("job"), row.pop("number")
    if tx.execute(SAVE, rows).rowcount != len(rows):
        raise NotFoundError("ledger: found no row of an attempt to save, expected one")


def live_attempts(tx: Connection) -> list[AttemptRecord]:
    """Read the attempts without a known end, oldest first."""
    live = select(attempts).where(attempts.c.ended_at.is_(None))
    found = tx.execute(live.order_by(attempts.c.created_at, attempts.c.submission))
    return [from_row(AttemptRecord, row) for row in found]


def attempts_of(tx: Connection, job: str) -> list[AttemptRecord]:
    """Read all attempts of a job, first to last."""
    found = tx.execute(select(attempts).where(attempts.c.job == job).order_by(attempts.c.number))
    return [from_row(AttemptRecord, row) for row in found]


def attempts_of_jobs(tx: Connection, names: Iterable[str]) -> list[AttemptRecord]:
    """Read all attempts of several jobs."""
    return [
        from_row(AttemptRecord, row)
        for some in chunks(names)
        for row in tx.execute(select(attempts).where(attempts.c.job.in_(some)))
    ]


def attempt_by_token(tx: Connection, token_sha256: str) -> AttemptRecord | None:
    """Read the attempt with this secret."""
    row = tx.execute(select(attempts).where(attempts.c.token_sha256 == token_sha256)).first()
    return from_row(AttemptRecord, row) if row else None
