"""When logs and events of an ended job were removed, or an archive; indexes to find such jobs."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision: str | None = "0003"


def upgrade() -> None:
    """Add the column and the indexes."""
    op.add_column("jobs", sa.Column("removed_at", sa.Double()))
    op.add_column("codes", sa.Column("removed_at", sa.Double()))
    kept = sa.text("ended_at IS NOT NULL AND removed_at IS NULL")
    op.create_index(
        "ix_jobs_kept", "jobs", ["ended_at", "number"], sqlite_where=kept, postgresql_where=kept
    )
    op.drop_index("ix_jobs_state_number", "jobs")
    op.create_index("ix_jobs_state_ended_at_number", "jobs", ["state", "ended_at", "number"])
    op.create_index("ix_jobs_ended_at_number", "jobs", ["ended_at", "number"])
    op.create_index("ix_jobs_code", "jobs", ["code"])
