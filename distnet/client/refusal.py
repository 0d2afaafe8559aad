"""What a server refuses, as the errors that it raised itself: code, message, HTTP status."""

import json
import socket
import ssl

from distnet.client.target import Target
from distnet.server.errors import (
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
        message = f"{message or 'the server wants a token'}; {_whose_token(target)}"
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
        return f"{asked} without one; set DISTNET_TOKEN, or: distnet context add NAME URL"
    public = target.token[:15] if target.token.startswith("dn_") else "that is no distnet token"
    return f"{asked} with the token {public}"


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
