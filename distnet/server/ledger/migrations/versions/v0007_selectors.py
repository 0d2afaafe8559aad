"""A column of jobs: the types of GPU and the labels that their nodes must have."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision: str | None = "0006"


def upgrade() -> None:
    """Add it; earlier jobs may use any node."""
    op.add_column("jobs", sa.Column("selector", sa.Text(), nullable=True))
