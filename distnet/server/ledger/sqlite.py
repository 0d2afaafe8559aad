"""A ledger in one SQLite file: no database server to maintain, durable at each commit.

WAL lets readers continue during writes; with synchronous=FULL a commit survives a power cut;
`BEGIN IMMEDIATE` takes the write lock before anything is read. The lead is a lock on a file beside
it, which the kernel releases however the process ends.
Source: https://www.sqlite.org/wal.html, https://www.sqlite.org/pragma.html
"""

import fcntl
import os
import sqlite3
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, QueuePool, create_engine, event
from sqlalchemy.exc import OperationalError

from distnet.protocol.errors import LedgerError, UnavailableError
from distnet.server.ledger.database import Database, LockedError, Writer

BUSY_S = 3.0
"""How long to wait for another program that creates or recovers the file."""
POOL_S = 30.0
WAL_BYTES = 64 * 2**20
"""The size to which the WAL file shrinks after a burst of writes."""


def open_sqlite(url: URL) -> Database:
    """Open the file of a URL, and create it if it does not exist.

    Raises:
        LedgerError: the URL names no file, or it cannot be created.
    """
    path = sqlite_path(url)
    _make(path)
    url = url.set(database=str(path))
    return Database(
        name=str(path),
        writer=Writer(_engine(url, size=1, spare=0)),
        reader=_engine(url, size=4, spare=12, only_reads=True),
        lead=FileLead(path.with_name(path.name + ".lock")),
    )


class FileLead:
    """The lead as a lock on a file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle: int | None = None

    def take(self) -> bool:
        """Lock the file.

        Raises:
            UnavailableError: the file cannot be created or locked.
        """
        if self.is_held():
            return True
        self.release()
        try:
            self._handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.release()
        except OSError as error:
            self.release()
            raise UnavailableError(f"cannot lock {self._path}: {error.strerror}") from error
        return self.is_held()

    def is_held(self) -> bool:
        """Whether it is locked, and still the same file at this path."""
        if self._handle is None:
            return False
        try:
            return os.path.samestat(os.fstat(self._handle), os.stat(self._path))
        except FileNotFoundError:
            return False

    def release(self) -> None:
        """Unlock it."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def sqlite_path(url: URL) -> Path:
    """Get the file of a URL.

    Raises:
        LedgerError: the URL names no file.
    """
    if not url.database or url.database == ":memory:" or url.query:
        raise LedgerError(
            f"ledger {url}: the URL names no file, expected sqlite:////FOLDER/ledger.db (four "
            "slashes)"
        )
    return Path(url.database).expanduser().resolve()


def _make(path: Path) -> None:
    """Create the file, readable by its owner only; SQLite gives its other files the same mode."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise LedgerError(
            f"ledger {path}: cannot be opened: {error.strerror}; expected a file in a folder "
            "that this user can write"
        ) from error


def _engine(url: URL, *, size: int, spare: int, only_reads: bool = False) -> Engine:
    engine = create_engine(
        url,
        poolclass=QueuePool,
        pool_size=size,
        max_overflow=spare,
        pool_timeout=POOL_S,
        connect_args={"check_same_thread": False, "timeout": BUSY_S},
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None  # the driver starts no transactions itself
        _prepare(connection, only_reads=only_reads)

    event.listen(engine, "begin", _begin_reading if only_reads else _begin_writing)
    return engine


def _begin_reading(tx: Connection) -> None:
    tx.exec_driver_sql("BEGIN")


def _begin_writing(tx: Connection) -> None:
    try:
        tx.exec_driver_sql("BEGIN IMMEDIATE")
    except OperationalError as error:
        if getattr(error.orig, "sqlite_errorcode", 0) & 0xFF != sqlite3.SQLITE_BUSY:
            raise  # the first byte is the kind of an error
        raise LockedError(str(tx.engine.url.database)) from error


def _prepare(connection: sqlite3.Connection, *, only_reads: bool) -> None:
    mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    if mode != "wal":
        connection.close()
        raise LedgerError(
            f"ledger: found SQLite's journal mode {mode!r}, expected 'wal': the file must be on a "
            "local disk, not on a network file system"
        )
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute(f"PRAGMA journal_size_limit = {WAL_BYTES}")
    if only_reads:
        connection.execute("PRAGMA query_only = ON")
    else:
        connection.execute("PRAGMA busy_timeout = 0")  # `Writer` waits, without the connection
