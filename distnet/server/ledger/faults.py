"""Translate errors of the database into errors of distnet."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import exc

from distnet.protocol.errors import (
    ConflictError,
    InvalidError,
    LedgerError,
    ServerError,
    UnavailableError,
)

UNREACHABLE = (exc.OperationalError, exc.InterfaceError, exc.InternalError)
NO_TEXT = "Could not decode to UTF-8"
"""SQLite's driver says this of damaged bytes, as an OperationalError."""
NO_SAVEPOINT = "no such savepoint"
REMEDIES = {
    "disk is full": "free disk space there, then try again",
    "readonly": "let this user write the file and its folder, then try again",
    "locked": "another program writes it; end that, or try again",
}
"""What to do, by a part of the database's own message."""


@contextmanager
def translated(name: str) -> Iterator[None]:
    """Translate errors of the database `name`.

    Raises:
        UnavailableError: it cannot be reached, or is busy, full or read-only.
        InvalidError: a number is too large for a column.
        ConflictError: a row with this key exists already, or a row that it refers to does not.
        LedgerError: it is damaged, or not a ledger.
    """
    try:
        yield
    except exc.TimeoutError as error:
        raise UnavailableError(
            f"ledger {name}: busy: no connection became free; try again"
        ) from error
    except OverflowError as error:  # SQLite's driver raises this where PostgreSQL has a DataError
        raise InvalidError(f"ledger {name}: a value does not fit: {error}") from error
    except exc.DBAPIError as error:
        raise _translate(name, _first(error)) from error


def _first(error: exc.DBAPIError) -> exc.DBAPIError:
    """The error that ended a transaction: SQLite forgets its savepoints then, which is another."""
    before = error.orig and error.orig.__context__
    if NO_SAVEPOINT in str(error.orig) and isinstance(before, exc.DBAPIError):
        return before
    return error


def _translate(name: str, error: exc.DBAPIError) -> ServerError:
    message = " ".join(str(error.orig).split())
    if isinstance(error, exc.IntegrityError):
        return ConflictError(f"ledger {name}: refused: {message}")
    if isinstance(error, exc.DataError):
        return InvalidError(f"ledger {name}: a value does not fit: {message}")
    if isinstance(error, UNREACHABLE) and NO_TEXT not in message:
        fate = (
            "whether the last change was made is unknown"
            if error.connection_invalidated
            else "nothing was changed"
        )
        remedy = next((text for part, text in REMEDIES.items() if part in message), "try again")
        return UnavailableError(f"ledger {name}: cannot be used now: {message}; {fate}; {remedy}")
    return LedgerError(
        f"ledger {name}: damaged, or not a ledger: {message}; expected a database created "
        "by distnet: name another one, or restore this one from a backup"
    )
