"""What a server refuses, as errors with a stable code and an HTTP status."""

from collections.abc import Iterable
from difflib import get_close_matches

from distnet.errors import DistnetError


class ServerError(DistnetError):
    """A request that is refused. `code` is stable; the message is for people."""

    status = 400
    code = "bad_request"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.code = code or type(self).code


class UnauthenticatedError(ServerError):
    """No token, or one that is not known (any more)."""

    status = 401
    code = "unauthenticated"


class ForbiddenError(ServerError):
    """The token's user may not do this."""

    status = 403
    code = "forbidden"


class NotFoundError(ServerError):
    """There is no such job, schedule, token, ..."""

    status = 404
    code = "not_found"


class NotAllowedError(ServerError):
    """There is such a place, but not with this method."""

    status = 405
    code = "method_not_allowed"


class ConflictError(ServerError):
    """It does not fit what there is: `name_taken`, `wrong_state`, `stale_attempt`, ..."""

    status = 409
    code = "conflict"


class TooLargeError(ServerError):
    """A body or file above the limit."""

    status = 413
    code = "too_large"


class InvalidError(ServerError):
    """Understood and wrong.

    `bad_job_file`, `never_fits`, `unknown_dependency`, `cycle`, `bad_cron`, `bad_time_zone`,
    `bad_sweep`, ...
    """

    status = 422
    code = "invalid"


class TooManyError(ServerError):
    """Too many requests, or too many open jobs of one user."""

    status = 429
    code = "too_many"


class UnavailableError(ServerError):
    """The ledger or the cluster cannot be reached at the moment; try again."""

    status = 503
    code = "unavailable"


class LedgerError(ServerError):
    """The ledger is damaged, not a ledger, or of a newer distnet."""

    status = 500
    code = "ledger"


def no_such(what: str, name: str, known: Iterable[str], see: str) -> NotFoundError:
    """Say that there is no job or schedule of a name; and which was meant, or where all are."""
    near = get_close_matches(name, list(known), n=1)
    rest = f"did you mean {near[0]}?" if near else f"list them with: {see}"
    return NotFoundError(f"there is no {what} {name}; {rest}")
