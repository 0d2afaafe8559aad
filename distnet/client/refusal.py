"""What a server refuses, as the errors that it raised itself: code, message, HTTP status."""

import json
import socket
import ssl

from distnet.client.contexts import load
from distnet.client.target import Target, token_of_environment
from distnet.errors import DistnetError
from distnet.protocol.errors import (
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    ServerError,
    TooLargeError,
    TooManyError,
    UnauthenticatedError,
    UnavailableError,
)

KINDS: dict[int, type[ServerError]] = {
    kind.status: kind
    for kind in (
        UnauthenticatedError,
        ForbiddenError,
        NotFoundError,
        ConflictError,
        TooLargeError,
        InvalidError,
        TooManyError,
        UnavailableError,
    )
}


def refused(target: Target, status: int, body: bytes) -> ServerError:
    """Make the error for an answer that is none of success."""
    code, message = _told(body)
    if status == 401:
        # The server tells a remedy, too; but here it is known which contexts there are.
        found = message.partition(";")[0] or "the server wants a token"
        message = f"{found}; {_whose_token(target)}; {_remedy(target)}"
    kind = KINDS.get(status, ServerError)
    if message:
        error = kind(message, code=code)
    elif not body and status in KINDS:  # as HEAD is answered
        error = kind(f"{target.server} refused with HTTP {status} ({kind.code})")
    else:
        return not_ours(target, f"HTTP {status} without a distnet error", status=status)
    error.status = status
    return error


def unreachable(target: Target, error: Exception) -> UnavailableError:
    """Make the error for a server that does not answer."""
    where = f"{target.server} ({target.origin})"
    return UnavailableError(
        f"no distnet server answers at {where}: {_reason(error)}; start one with: "
        "distnet server start, or name another by --server URL or --context NAME"
    )


def not_ours(target: Target, found: str, *, status: int = 502) -> ServerError:
    """Make the error for something that is no distnet server, or one of another version."""
    error = ServerError(
        f"{target.server}: found {found}, expected a distnet server of this version "
        f"there; the address comes from {target.origin}",
        code="not_a_server",
    )
    error.status = status
    return error


def _told(body: bytes) -> tuple[str | None, str]:
    try:
        told = json.loads(body)["error"]
        return str(told["code"]), str(told["message"])
    except (ValueError, KeyError, TypeError):
        return None, ""


def _whose_token(target: Target) -> str:
    asked = f"asked {target.server} ({target.origin})"
    if target.token is None:
        return f"{asked} without one"
    public = target.token[:15] if target.token.startswith("dn_") else "that is no distnet token"
    where = " of DISTNET_TOKEN" if _is_of_environment(target) else ""
    return f"{asked} with the token {public}{where}"


def _remedy(target: Target) -> str:
    """Where there is a token that the server may know."""
    names = _other_contexts(target)
    if names and not _is_of_environment(target):
        uses = " or ".join(f"distnet context use {name}" for name in names)
        return f"for this server there is another token: {uses}"
    if names:
        return f"unset DISTNET_TOKEN to use the one of context {' or '.join(names)}"
    return (
        "make one on the server's machine: distnet server token, or ask an admin for one; then "
        "set DISTNET_TOKEN, or: distnet context add NAME URL"
    )


def _other_contexts(target: Target) -> list[str]:
    """Contexts with this address and another token; none where the file cannot be read."""
    try:
        known = load().contexts.items()
    except DistnetError:
        return []
    return [
        n for n, c in known if c.server == target.server and c.token not in (None, target.token)
    ]


def _is_of_environment(target: Target) -> bool:
    return target.token is not None and target.token == token_of_environment()


def _reason(error: Exception) -> str:
    match error:
        case ConnectionRefusedError():
            return "connection refused"
        case TimeoutError():
            return "no answer in time"
        case socket.gaierror():
            return "no host of this name is known"
        case ssl.SSLCertVerificationError():
            return f"its certificate is not trusted ({error.verify_message})"
        case OSError() if error.strerror:
            return error.strerror
    return str(error) or type(error).__name__
