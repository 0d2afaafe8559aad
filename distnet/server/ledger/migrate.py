"""Create the tables of a new ledger, and migrate those of an older distnet.

One row says that a ledger is up to date, so that a server usually starts without Alembic. All of it
is one transaction: two servers that start at the same time migrate one after the other, and a
failure leaves the ledger unchanged.
"""

import secrets
import string
import time
from pathlib import Path

from sqlalchemy import Connection, String, column, insert, inspect, select, table

from distnet.protocol.errors import LedgerError
from distnet.server.ledger.database import Database
from distnet.server.ledger.tables import ledger, metadata

HEAD = "0010"
"""The newest migration; a test compares it with the folder."""
VERSION_TABLE = "distnet_version"
SCRIPTS = Path(__file__).parent / "migrations"


def bring_up_to_date(database: Database) -> tuple[str, bytes]:
    """Migrate a ledger if needed; returns its id and key.

    Raises:
        LedgerError: the database has tables of another program, or of a newer distnet.
    """
    with database.writer.begin() as tx:
        if _version(tx, database.name) != HEAD:
            _migrate(tx, database.name)
        return _identity(tx)


def _version(tx: Connection, name: str) -> str | None:
    tables = set(inspect(tx).get_table_names())
    if VERSION_TABLE in tables:
        found = select(column("version_num", String)).select_from(table(VERSION_TABLE))
        return tx.execute(found).scalar()
    foreign = sorted(tables & set(metadata.tables))
    if foreign:
        raise LedgerError(
            f"ledger {name}: has a table {foreign[0]!r} that distnet did not create; expected an "
            "empty database or a ledger; name another database"
        )
    return None


def _migrate(tx: Connection, name: str) -> None:
    # Importing Alembic takes long, and a ledger that is up to date does not need it.
    # A server whose ledger is up to date starts without Alembic.
    from alembic import command  # takes 200 ms to import
    from alembic.config import Config  # comes with it
    from alembic.util import CommandError  # comes with it

    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = tx
    try:
        command.upgrade(config, HEAD)
    except CommandError as error:
        raise LedgerError(
            f"ledger {name}: cannot be migrated: {error}; if a newer distnet created it, use that "
            "version"
        ) from error


def _identity(tx: Connection) -> tuple[str, bytes]:
    known = tx.execute(select(ledger.c.id, ledger.c.key)).first()
    if known is not None:
        return known.id, bytes(known.key)
    made = "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(8))
    key = secrets.token_bytes(32)
    tx.execute(insert(ledger).values(id=made, key=key, made_at=time.time(), term=0))
    return made, key
