"""What attempts had of the cluster and when, for accounting; and what their workers have used.

Earlier servers did not keep the sizes before a resize: their attempts count with their last one.
"""

import json
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision: str | None = "0002"

BATCH = 1000

attempts = sa.table(
    "attempts",
    sa.column("job", sa.Text()),
    sa.column("number", sa.BigInteger()),
    sa.column("placement", sa.Text()),
    sa.column("created_at", sa.Double()),
    sa.column("ended_at", sa.Double()),
)
allocations = sa.table(
    "allocations",
    sa.column("job", sa.Text()),
    sa.column("attempt", sa.BigInteger()),
    sa.column("began_at", sa.Double()),
    sa.column("workers", sa.BigInteger()),
    sa.column("ended_at", sa.Double()),
)


def upgrade() -> None:
    """Make the table, and fill it from the attempts."""
    op.add_column("attempts", sa.Column("used", sa.Text()))
    op.create_table(
        "allocations",
        sa.Column("job", sa.Text(), nullable=False),
        sa.Column("attempt", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("began_at", sa.Double(), nullable=False),
        sa.Column("workers", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.Double()),
        sa.PrimaryKeyConstraint("job", "attempt", "began_at", name="pk_allocations"),
        sa.ForeignKeyConstraint(
            ["job", "attempt"], ["attempts.job", "attempts.number"], name="fk_allocations_job"
        ),
    )
    op.create_index("ix_allocations_ended_at", "allocations", ["ended_at"])
    last: tuple[str, int] = ("", 0)
    while rows := _batch(after=last):
        op.get_bind().execute(sa.insert(allocations), [_allocation(row) for row in rows])
        last = (rows[-1].job, rows[-1].number)


def _batch(*, after: tuple[str, int]) -> Sequence[Any]:
    key = sa.tuple_(attempts.c.job, attempts.c.number)
    query = sa.select(attempts).where(key > sa.tuple_(*map(sa.literal, after)))
    return op.get_bind().execute(query.order_by(*key.clauses).limit(BATCH)).all()


def _allocation(row: Any) -> dict[str, Any]:
    return {
        "job": row.job,
        "attempt": row.number,
        "began_at": row.created_at,
        "workers": sum(json.loads(row.placement).values()),
        "ended_at": row.ended_at,
    }
