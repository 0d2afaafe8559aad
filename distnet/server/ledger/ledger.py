"""Open a ledger; read and change it in transactions; take its lead."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from sqlalchemy import URL, Connection, make_url
from sqlalchemy.exc import ArgumentError

from distnet.protocol.errors import LedgerError
from distnet.server.ledger.database import LOCKED_S, Database, LockedError
from distnet.server.ledger.faults import translated
from distnet.server.ledger.migrate import bring_up_to_date
from distnet.server.ledger.postgresql import open_postgresql
from distnet.server.ledger.sqlite import open_sqlite, sqlite_path

KINDS = {
    "sqlite": open_sqlite,
    "postgresql": open_postgresql,
    "postgresql+psycopg": open_postgresql,
    "postgres": open_postgresql,
}

T = TypeVar("T")


class Ledger:
    """The database of a server; thread-safe."""

    def __init__(self, database: Database, id: str, key: bytes) -> None:  # noqa: A002
        self._database = database
        self.id = id
        """Eight characters, a-z and 0-9, created with the ledger."""
        self.key = key
        """Secret; the secrets of attempts are derived from it, also after a restart."""

    @contextmanager
    def transaction(self, *, waits: bool = True) -> Iterator[Connection]:
        """Change the ledger: all changes are durable at the end, or none is made.

        One transaction at a time; the others wait. They must not be nested.

        Args:
            waits: whether another program that has the write lock is waited for, some seconds.

        Raises:
            LockedError: another program has the write lock; nothing was changed.
            UnavailableError: the database cannot be reached or written. If the connection was lost
                while PostgreSQL committed, the outcome is unknown: read it again.
            ConflictError: a row exists already, or a row that it refers to does not.
            LedgerError: the database is damaged.
        """
        with translated(self._database.name), self._database.writer.begin(waits=waits) as tx:
            yield tx

    def patiently(self, act: Callable[[], T]) -> T:
        """Call a function whose transactions do not wait; again when another program lets go.

        Raises:
            LockedError: another program has the write lock for longer than some seconds.
        """
        end = time.monotonic() + LOCKED_S
        while True:
            try:
                return act()
            except LockedError:
                if time.monotonic() > end:
                    raise
            with self.transaction():
                pass

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Read the ledger as it is at one moment; readers and writers do not wait for each other.

        Raises:
            UnavailableError: the database cannot be reached.
            LedgerError: the database is damaged.
        """
        with translated(self._database.name), self._database.reader.begin() as tx:
            yield tx

    def lead(self) -> bool:
        """Become the only server of this ledger; returns False if another process is.

        Raises:
            UnavailableError: the database cannot be reached.
        """
        with translated(self._database.name):
            return self._database.lead.take()

    def still_leads(self) -> bool:
        """Whether this process is still the server; once False, it has to be restarted.

        Raises:
            UnavailableError: the database cannot be reached; the answer is unknown.
        """
        with translated(self._database.name):
            return self._database.lead.is_held()

    def close(self) -> None:
        """Release the lead and close all connections."""
        self._database.lead.release()
        self._database.writer.engine.dispose()
        self._database.reader.dispose()


def open_ledger(url: str, *, must_exist: bool = False) -> Ledger:
    """Open the ledger at a URL: `sqlite:////FOLDER/ledger.db`, `postgresql://USER@HOST/DATABASE`.

    It is created if it does not exist, and migrated if an older distnet created it.

    Args:
        url: where it is.
        must_exist: whether a missing file is an error; a database is never created.

    Raises:
        LedgerError: the URL is invalid; or the database is damaged, of another program, or of a
            newer distnet; or it does not exist and must.
        UnavailableError: the database cannot be reached.
    """
    where = _parse(url)
    if must_exist and where.drivername == "sqlite" and not sqlite_path(where).exists():
        raise LedgerError(
            f"there is no ledger at {sqlite_path(where)}; start the server first: "
            f"distnet server start --ledger {url}"
        )
    with translated(where.render_as_string(hide_password=True)):
        database = KINDS[where.drivername](where)
        try:
            return Ledger(database, *bring_up_to_date(database))
        except BaseException:
            database.writer.engine.dispose()
            raise


def _parse(url: str) -> URL:
    try:
        where = make_url(url)
    except (ArgumentError, ValueError):
        where = None
    if where is None or where.drivername not in KINDS:
        raise LedgerError(
            f"ledger {url.split('://', maxsplit=1)[0]!r}: expected a URL such as "
            "sqlite:////FOLDER/ledger.db or postgresql://USER@HOST/DATABASE"
        )
    return where
