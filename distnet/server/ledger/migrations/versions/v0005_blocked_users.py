"""Users can be blocked."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision: str | None = "0004"


def upgrade() -> None:
    """Add when, by whom and why; nobody is blocked yet."""
    op.add_column("users", sa.Column("blocked_at", sa.Double()))
    op.add_column("users", sa.Column("blocked_by", sa.Text()))
    op.add_column("users", sa.Column("blocked_for", sa.Text()))
