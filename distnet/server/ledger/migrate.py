"""Make the tables of a new ledger, and bring those of an older distnet up to date.

A ledger that is up to date is seen by one row, so that a server starts without Alembic. Everything
happens in one transaction: two servers that start at once do it one after the other, and a failure
leaves the ledger as it was.
"""

import secrets
import string
import time
from pathlib import Path

from sqlalchemy import Connection, String, column, insert, inspect, select, table

from distnet.protocol.errors import LedgerError
from distnet.server.ledger.database import Database
from distnet.server.ledger.tables import ledger, metadata

HEAD = "0002"
"""The newest migration; a test compares it with the folder."""
VERSION_TABLE = "distnet_version"
SCRIPTS = Path(__file__).parent / "migrations"


def bring_up_to_date(database: Database) -> tuple[str, bytes]:
    """Migrate if needed; returns the ledger's id and key.

    Raises:
        LedgerError: the database holds tables of something else, or of a newer distnet.
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
            f"ledger {name}: has a table {foreign[0]!r} that distnet did not make; expected an "
            "empty database, or a ledger: name another one"
        )
    return None


def _migrate(tx: Connection, name: str) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = tx
    try:
        command.upgrade(config, HEAD)
    except CommandError as error:
        raise LedgerError(
            f"ledger {name}: cannot be brought up to date: {error}; if a newer distnet made it, "
            "use that one"
        ) from error


def _identity(tx: Connection) -> tuple[str, bytes]:
    known = tx.execute(select(ledger.c.id, ledger.c.key)).first()
    if known is not None:
        return known.id, bytes(known.key)
    made = "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(8))
    key = secrets.token_bytes(32)
    tx.execute(insert(ledger).values(id=made, key=key, made_at=time.time(), term=0))
    return made, key
