"""Attempts in the ledger."""

from sqlalchemy import Connection, bindparam, insert, select, update

from distnet.server.errors import NotFoundError
from distnet.server.ledger.rows import from_row, to_row
from distnet.server.ledger.tables import attempts
from distnet.server.records import AttemptRecord

SAVE = update(attempts).where(
    attempts.c.job == bindparam("row_job"), attempts.c.number == bindparam("row_number")
)


def insert_attempt(tx: Connection, record: AttemptRecord) -> None:
    """Add an attempt; its number was not there before, nor its submission or token."""
    tx.execute(insert(attempts), [to_row(record)])


def save_attempt(tx: Connection, record: AttemptRecord) -> None:
    """Write an attempt as it is now.

    Raises:
        NotFoundError: it was never inserted.
    """
    row = to_row(record)
    row["row_job"], row["row_number"] = row.pop("job"), row.pop("number")
    if tx.execute(SAVE, row).rowcount != 1:
        raise NotFoundError(f"{record.job}: attempt {record.number} is not in the ledger")


def live_attempts(tx: Connection) -> list[AttemptRecord]:
    """Those that have not ended as far as is known, oldest first."""
    live = select(attempts).where(attempts.c.ended_at.is_(None))
    found = tx.execute(live.order_by(attempts.c.created_at, attempts.c.submission))
    return [from_row(AttemptRecord, row) for row in found]


def attempts_of(tx: Connection, job: str) -> list[AttemptRecord]:
    """All of one job, first to last."""
    found = tx.execute(select(attempts).where(attempts.c.job == job).order_by(attempts.c.number))
    return [from_row(AttemptRecord, row) for row in found]


def attempt_by_token(tx: Connection, token_sha256: str) -> AttemptRecord | None:
    """The attempt that reports with this secret."""
    row = tx.execute(select(attempts).where(attempts.c.token_sha256 == token_sha256)).first()
    return from_row(AttemptRecord, row) if row else None
