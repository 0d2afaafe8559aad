"""A column of jobs: what its sweep changes in each of them."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision: str | None = "0008"


def upgrade() -> None:
    """Add it; of earlier jobs it is not known."""
    op.add_column("jobs", sa.Column("changes", sa.Text(), nullable=True))
