"""Columns of jobs: the rungs at which a sweep compares its trials, and how many run at once."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision: str | None = "0009"


def upgrade() -> None:
    """Add them; the trials of earlier sweeps train to their end, as many as fit."""
    op.add_column("jobs", sa.Column("rungs", sa.Text(), nullable=True))
    op.add_column(
        "jobs", sa.Column("passed_rungs", sa.BigInteger(), nullable=False, server_default="0")
    )
    op.add_column("jobs", sa.Column("trials_at_once", sa.BigInteger(), nullable=True))
