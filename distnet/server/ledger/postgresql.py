"""A ledger in PostgreSQL: for teams, and for a server that may move to another machine.

Isolation: a writing transaction first takes an advisory lock until it ends, so there is one at a
time; at READ COMMITTED it then sees everything that was committed before. Together that is
serializable, as in SQLite, without failures that would have to be retried. Readers use REPEATABLE
READ: one transaction sees one moment.

The lead is an advisory lock of the session that writes. With a session of its own, the lead could
be lost while the other session still writes, beside a new leader. This way a session that can write
has the lead, or there is no session. When a lost session is replaced, the lead is taken again, but
only if the ledger's term says that no other server has led meanwhile.

It needs sessions: PgBouncer in transaction mode does not work.
Source: https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS
"""

from functools import partial
from typing import Any

from sqlalchemy import URL, Connection, create_engine, event, update

from distnet.protocol.errors import LedgerError, UnavailableError
from distnet.server.ledger.database import Database, LockedError, Writer
from distnet.server.ledger.faults import translated
from distnet.server.ledger.tables import ledger

SCHEMA = "hashtext(current_schema())"  # ledgers in other schemas have their own locks
WRITE_LOCK = f"SELECT pg_try_advisory_xact_lock(1684632431, {SCHEMA})"
TAKE_LEAD = f"SELECT pg_try_advisory_lock(1684632432, {SCHEMA})"
LEAVE_LEAD = f"SELECT pg_advisory_unlock(1684632432, {SCHEMA})"
LOST = "lead_lost"

POOL_S = 30.0
CONNECT_ARGS = {
    "connect_timeout": "5",
    "application_name": "distnet",
    # Both sides notice within half a minute that the other one is gone.
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "25000",
}
SESSION = (
    "SET lock_timeout = '15s'",
    "SET tcp_keepalives_idle = 10",
    "SET tcp_keepalives_interval = 5",
    "SET tcp_keepalives_count = 3",
    "SELECT set_config('synchronous_commit', 'on', false) "
    "WHERE current_setting('synchronous_commit') = 'off'",
)


def open_postgresql(url: URL) -> Database:
    """Prepare to connect to a database; nothing is connected yet."""
    url = url.set(drivername="postgresql+psycopg")
    name = url.set(drivername="postgresql").render_as_string(hide_password=True)
    args = {key: value for key, value in CONNECT_ARGS.items() if key not in url.query}
    engine = create_engine(
        url,
        pool_size=1,
        max_overflow=0,
        pool_timeout=POOL_S,
        pool_pre_ping=True,
        connect_args=args,
    )
    reader = create_engine(
        url,
        pool_size=4,
        max_overflow=12,
        pool_timeout=POOL_S,
        pool_pre_ping=True,
        connect_args=args,
        isolation_level="REPEATABLE READ",
        execution_options={"postgresql_readonly": True},
    )
    event.listen(engine, "connect", _prepare, insert=True)  # before SQLAlchemy's first query
    event.listen(engine, "begin", partial(_take_write_lock, name))
    writer = Writer(engine)
    return Database(name=name, writer=writer, reader=reader, lead=SessionLead(writer, name))


class SessionLead:
    """The lead as a lock of the session that writes."""

    def __init__(self, writer: Writer, name: str) -> None:
        self._writer = writer
        self._name = name
        self._term: int | None = None
        event.listen(writer.engine, "connect", self._claim_again)

    def take(self) -> bool:
        """Take the lock, and start a new term."""
        if self.is_held():
            return True
        self._term = None
        with self._writer.begin() as tx:
            if not tx.exec_driver_sql(TAKE_LEAD).scalar_one():
                return False
            new = update(ledger).values(term=ledger.c.term + 1).returning(ledger.c.term)
            term = tx.execute(new).scalar_one()
        self._term = term
        return True

    def is_held(self) -> bool:
        """Whether the session that writes has the lock; a lost session is replaced."""
        if self._term is None:
            return False
        try:
            self._writer.engine.connect().close()  # the pool checks that the session is alive
        except UnavailableError as error:
            if error.code == LOST:
                return False
            raise
        return True

    def release(self) -> None:
        """Release the lock, if there is a session."""
        if self._term is None:
            return
        self._term = None
        try:
            with translated(self._name), self._writer.begin() as tx:
                tx.exec_driver_sql(LEAVE_LEAD)
        except UnavailableError:
            pass  # no session, no lock

    def _claim_again(self, connection: Any, _: object) -> None:
        """Refuse a new session if another server has taken the lead."""
        if self._term is None:
            return
        is_taken = connection.execute(TAKE_LEAD).fetchone()[0]
        term = connection.execute("SELECT term FROM ledger").fetchone()[0]
        connection.commit()
        if term != self._term:
            connection.close()
            raise UnavailableError(
                f"ledger {self._name}: another server has taken the lead; this one can no longer "
                "write: restart it",
                code=LOST,
            )
        if not is_taken:
            connection.close()
            raise UnavailableError(
                f"ledger {self._name}: a lost session still has the lead, or another server has "
                "just taken it; try again"
            )


def _prepare(connection: Any, _: object) -> None:
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        connection.close()
        raise LedgerError(
            f"ledger: the database's encoding is {encoding}, expected UTF8: "
            "createdb --encoding=UTF8 --template=template0 NAME"
        )
    for statement in SESSION:
        connection.execute(statement)
    connection.commit()


def _take_write_lock(name: str, tx: Connection) -> None:
    if not tx.exec_driver_sql(WRITE_LOCK).scalar_one():
        raise LockedError(name)
