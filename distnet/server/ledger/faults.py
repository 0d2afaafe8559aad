"""What a database reports, as errors of distnet's own."""

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


@contextmanager
def translated(name: str) -> Iterator[None]:
    """Turn what the database called `name` reports into errors of distnet.

    Raises:
        UnavailableError: it cannot be reached, or is busy, full or read-only.
        InvalidError: a number is too large for it.
        ConflictError: a row with this key is there already, or one that it refers to is not.
        LedgerError: it is damaged, or no ledger.
    """
    try:
        yield
    except exc.TimeoutError as error:
        raise UnavailableError(
            f"ledger {name}: busy: no connection became free; try again"
        ) from error
    except OverflowError as error:  # what SQLite's driver says where PostgreSQL has a DataError
        raise InvalidError(f"ledger {name}: a value does not fit: {error}") from error
    except exc.DBAPIError as error:
        raise _translate(name, error) from error


def _translate(name: str, error: exc.DBAPIError) -> ServerError:
    said = " ".join(str(error.orig).split())
    if isinstance(error, exc.IntegrityError):
        return ConflictError(f"ledger {name}: refused: {said}")
    if isinstance(error, exc.DataError):
        return InvalidError(f"ledger {name}: a value does not fit: {said}")
    if isinstance(error, UNREACHABLE):
        fate = (
            "whether the last change was made is not known"
            if error.connection_invalidated
            else "nothing was changed"
        )
        return UnavailableError(f"ledger {name}: cannot be used now: {said}; {fate}; try again")
    return LedgerError(
        f"ledger {name}: damaged, or not a ledger: {said}; expected a database made by distnet: "
        "name another one, or put back a copy of this one"
    )
