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
    NoStorageError,
    NotFoundError,
    OtherVersionError,
    ServerError,
    TooLargeError,
    TooManyError,
    UnauthenticatedError,
    UnavailableError,
)
from distnet.protocol.versions import own_version

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
        NoStorageError,
    )
}

NO_REPLY = "no_reply"
"""The code of an error after which nobody knows whether the request was carried out."""
NOT_SENT = (ConnectionRefusedError, socket.gaierror, ssl.SSLCertVerificationError)
OF_PROXIES = (502, 503, 504)
"""What a proxy responds with if the server behind it does not."""


def refused(target: Target, status: int, body: bytes) -> ServerError:
    """Make the error for a reply with an error status."""
    code, message = _error_of(body)
    if status == 401:
        # The server suggests a remedy, too, but does not know which contexts there are.
        found = message.partition(";")[0] or "the server requires a token"
        message = f"{found}; {_whose_token(target)}; {_remedy(target)}"
    kind = KINDS.get(status, ServerError)
    if message:
        error = kind(message, code=code)
    elif not body and status in KINDS:  # as in replies to HEAD
        error = kind(f"{target.server} refused with HTTP {status} ({kind.code})")
    elif status in OF_PROXIES:
        return UnavailableError(
            f"no distnet server responds behind {target.server} ({target.origin}): a proxy there "
            f"responds with HTTP {status}"
        )
    else:
        return not_ours(target, f"HTTP {status} without a distnet error", status=status)
    error.status = status
    return error


def unreachable(target: Target, error: Exception) -> UnavailableError:
    """Make the error for a server that does not respond."""
    where = f"{target.server} ({target.origin})"
    return UnavailableError(
        f"no distnet server responds at {where}: {_reason(error)}; start one with: "
        "distnet server start, or choose another with --server URL or --context NAME",
        code=None if isinstance(error, NOT_SENT) else NO_REPLY,
    )


def other_version(target: Target, theirs: str) -> OtherVersionError:
    """Make the error for a server with another distnet than this one."""
    return OtherVersionError(
        f"{target.server} ({target.origin}): the server has distnet {theirs}, this is "
        f"{own_version()}; expected the same version on both: install distnet=={theirs} here, or "
        "give the server this one: distnet cluster up FILE"
    )


def not_ours(target: Target, found: str, *, status: int = 502) -> ServerError:
    """Make the error for something that is not a distnet server, or one of another version."""
    error = ServerError(
        f"{target.server}: found {found}, expected a distnet server of this version "
        f"there; the address comes from {target.origin}",
        code="not_a_server",
    )
    error.status = status
    return error


def _error_of(body: bytes) -> tuple[str | None, str]:
    try:
        error = json.loads(body)["error"]
        return str(error["code"]), str(error["message"])
    except (ValueError, KeyError, TypeError):
        return None, ""


def _whose_token(target: Target) -> str:
    request = f"the request to {target.server} ({target.origin})"
    if target.token is None:
        return f"{request} had none"
    public = target.token[:15] if target.token.startswith("dn_") else "which is not one of distnet"
    where = " of DISTNET_TOKEN" if _is_of_environment(target) else ""
    return f"{request} had the token {public}{where}"


def _remedy(target: Target) -> str:
    """Where the user may find a token that the server accepts."""
    names = _other_contexts(target)
    if names and not _is_of_environment(target):
        uses = " or ".join(f"distnet context use {name}" for name in names)
        return f"a context has another token for this server: {uses}"
    if names:
        return f"unset DISTNET_TOKEN to use the token of context {' or '.join(names)}"
    return (
        "create one on the server's machine: distnet server token, or get one from an admin; then "
        "set DISTNET_TOKEN, or: distnet context add NAME URL"
    )


def _other_contexts(target: Target) -> list[str]:
    """Contexts with this address and another token; none if the file cannot be read."""
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
            return "no response in time"
        case socket.gaierror():
            return "unknown host"
        case ssl.SSLCertVerificationError():
            remedy = "if its CA is your own: distnet context add NAME URL --ca FILE"
            return f"its certificate is not trusted ({error.verify_message}); {remedy}"
        case OSError() if error.strerror:
            return error.strerror
    return str(error) or type(error).__name__
