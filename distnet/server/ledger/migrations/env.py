"""Run by Alembic: migrates the connection that `migrate.py` passes, in its transaction."""

from alembic import context

from distnet.server.ledger.migrate import VERSION_TABLE
from distnet.server.ledger.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
)
with context.begin_transaction():
    context.run_migrations()
