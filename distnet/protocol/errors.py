"""Errors that the server reports to its clients, each with a stable code and an HTTP status."""

from collections.abc import Iterable
from difflib import get_close_matches

from distnet.errors import DistnetError


class ServerError(DistnetError):
    """A refused request. `code` is stable for programs; the message is for users."""

    status = 400
    code = "bad_request"
    wait_s: float | None = None
    """When to try again, if that may help."""

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.code = code or type(self).code


class UnauthenticatedError(ServerError):
    """The request has no token, or one that is unknown, expired or revoked."""

    status = 401
    code = "unauthenticated"


class ForbiddenError(ServerError):
    """The user of the token lacks the permission."""

    status = 403
    code = "forbidden"


class NotFoundError(ServerError):
    """There is no such job, schedule, token, ..."""

    status = 404
    code = "not_found"


class NotAllowedError(ServerError):
    """The path exists, but not with this method."""

    status = 405
    code = "method_not_allowed"


class ConflictError(ServerError):
    """The request conflicts with the state: `name_taken`, `wrong_state`, `stale_attempt`, ..."""

    status = 409
    code = "conflict"


class OtherVersionError(ServerError):
    """The client has another distnet than the server."""

    status = 409
    code = "other_version"


class TooLargeError(ServerError):
    """A body or file exceeds the limit."""

    status = 413
    code = "too_large"


class InvalidError(ServerError):
    """The request is well-formed, but its content is invalid.

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
    """The ledger or the cluster cannot be reached now; try again.

    `no_reply`: the request was sent, and nothing came back, so it may have been carried out.
    """

    status = 503
    code = "unavailable"


class NoStorageError(ServerError):
    """The server's disk has no space for a dataset, or cannot be read or written."""

    status = 507
    code = "no_space"


class LedgerError(ServerError):
    """The ledger is damaged, is not a ledger, or belongs to a newer distnet."""

    status = 500
    code = "ledger"


def no_such(what: str, name: str, known: Iterable[str], see: str) -> NotFoundError:
    """Make the error for an unknown job or schedule, with the nearest known name.

    Args:
        what: `job` or `schedule`.
        name: the unknown name.
        known: names to compare it with.
        see: the command that lists all of them.
    """
    near = get_close_matches(name, list(known), n=1)
    rest = f"did you mean {near[0]}?" if near else f"list them with: {see}"
    return NotFoundError(f"there is no {what} {name}; {rest}")
