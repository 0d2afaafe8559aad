"""Ledgers of a server in the test process: quickly made, and not flushed to the disk.

A new SQLite file is a copy of one that was migrated before, with an identity of its own. Commits
are not flushed: these tests kill no machine. Those of `ledger/` use ledgers as they are.
"""

import sqlite3
from contextlib import closing
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from distnet.server.ledger import Ledger, open_ledger

SQLITE = "sqlite:///"


def open_quickly(url: str) -> Ledger:
    """Open the ledger at a URL, and make it if it does not exist."""
    if not url.startswith(SQLITE):
        return open_ledger(url)
    path = Path(url.removeprefix(SQLITE))
    if not path.exists():
        path.touch(mode=0o600)
        path.write_bytes(migrated())
    ledger = open_ledger(url)
    # The writer has one connection, which it keeps.
    with closing(ledger._database.writer.engine.raw_connection()) as connection:
        connection.cursor().execute("PRAGMA synchronous = OFF")
    return ledger


@cache
def migrated() -> bytes:
    """A ledger that is up to date, and has no identity yet."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.db"
        open_ledger(f"{SQLITE}{path}").close()
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("DELETE FROM ledger")
            connection.commit()
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return path.read_bytes()
