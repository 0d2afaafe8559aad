"""Open a ledger, change it in transactions, lead it."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import URL, Connection, make_url
from sqlalchemy.exc import ArgumentError

from distnet.protocol.errors import LedgerError
from distnet.server.ledger.database import Database
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


class Ledger:
    """The record behind a server; any number of threads may use it."""

    def __init__(self, database: Database, id: str, key: bytes) -> None:  # noqa: A002
        self._database = database
        self.id = id
        """Eight characters, a-z and 0-9, made with the ledger."""
        self.key = key
        """Secret; what is signed with it is known again after a restart."""

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Change the ledger: everything in it is durable when it ends, or nothing is done.

        One at a time; the others wait. Must not be nested.

        Raises:
            UnavailableError: the database cannot be reached or written. If the connection was lost
                while PostgreSQL committed, nobody can tell whether it did: read it again.
            ConflictError: a row is there already, or one that it refers to is not.
            LedgerError: the database is damaged.
        """
        with translated(self._database.name), self._database.writer.begin() as tx:
            yield tx

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Look at the ledger as it is at one moment; waits for nobody, and nobody waits for it.

        Raises:
            UnavailableError: the database cannot be reached.
            LedgerError: it is damaged.
        """
        with translated(self._database.name), self._database.reader.begin() as tx:
            yield tx

    def lead(self) -> bool:
        """Become the one server of this ledger, unless another process is; whether this one is.

        Raises:
            UnavailableError: the database cannot be reached.
        """
        with translated(self._database.name):
            return self._database.lead.take()

    def still_leads(self) -> bool:
        """Whether this process is the server still; once False, it has to start anew.

        Raises:
            UnavailableError: the database cannot be reached, so nobody knows.
        """
        with translated(self._database.name):
            return self._database.lead.is_held()

    def close(self) -> None:
        """Let go of the lead and of every connection."""
        self._database.lead.release()
        self._database.writer.dispose()
        self._database.reader.dispose()


def open_ledger(url: str, *, must_exist: bool = False) -> Ledger:
    """Open the ledger at a URL: `sqlite:////FOLDER/ledger.db`, `postgresql://USER@HOST/DATABASE`.

    It is made if it is not there, and brought up to date if an older distnet made it.

    Args:
        url: where it is.
        must_exist: whether not to make a file; a database is never made.

    Raises:
        LedgerError: the URL is none, or what is there is damaged, something else, or newer; or
            nothing is there, and it must exist.
        UnavailableError: the database cannot be reached.
    """
    where = _parse(url)
    if must_exist and where.drivername == "sqlite" and not sqlite_path(where).exists():
        raise LedgerError(
            f"there is no ledger at {sqlite_path(where)}; start the server with it first: "
            f"distnet server start --ledger {url}"
        )
    with translated(where.render_as_string(hide_password=True)):
        database = KINDS[where.drivername](where)
        try:
            return Ledger(database, *bring_up_to_date(database))
        except BaseException:
            database.writer.dispose()
            raise


def _parse(url: str) -> URL:
    try:
        where = make_url(url)
    except (ArgumentError, ValueError):
        where = None
    if where is None or where.drivername not in KINDS:
        raise LedgerError(
            f"ledger {url.split('://', maxsplit=1)[0]!r}: expected sqlite:////FOLDER/ledger.db or "
            "postgresql://USER@HOST/DATABASE"
        )
    return where
