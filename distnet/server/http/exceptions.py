"""Turn every error that a route raises into a response of one form, without a traceback."""

from typing import Any, cast

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic_core import ErrorDetails
from starlette.exceptions import HTTPException

from distnet.errors import DistnetError
from distnet.protocol.errors import ForbiddenError, ServerError, UnauthenticatedError
from distnet.protocol.message import CURSOR, TOKEN_ID
from distnet.server.http.audit import AuditLog
from distnet.server.http.guard.refusals import Refusals
from distnet.server.http.responses import error_response, response_to
from distnet.spec.reading.faults import found
from distnet.spec.reading.validation import expected
from distnet.spec.sections.section import NAME, NAMED

CODES = {404: "not_found", 405: "method_not_allowed", 400: "bad_request"}
PATTERNS = {
    NAME: NAMED,
    CURSOR: "the `next` of the page before, as in open:50",
    TOKEN_ID: "the id of a token, twelve characters as `distnet token list` shows it",
}
MAX_FAULTS = 10
LONGEST_TEXT = 4000


def install(app: FastAPI, audit: AuditLog, refusals: Refusals) -> None:
    """Handle every error of a route."""

    async def handle(request: Request, error: Exception) -> Response:
        assert isinstance(error, DistnetError)
        if isinstance(error, ForbiddenError | UnauthenticatedError):
            caller = getattr(request.state, "caller", None)
            await audit.record(request.scope, caller, error)
        elif isinstance(error, ServerError):
            refusals.note(error)
        return response_to(error)

    app.add_exception_handler(DistnetError, handle)
    app.add_exception_handler(RequestValidationError, _handle_invalid)
    app.add_exception_handler(HTTPException, _handle_http)


async def _handle_invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    choices: dict[str, list[str]] = {}
    for fault in error.errors():  # each branch of a union expects something else
        what, choice = _describe(fault)
        choices.setdefault(what, []).append(choice)
    lines = [
        f"{what}, expected {' or '.join(dict.fromkeys(wanted))}" for what, wanted in choices.items()
    ]
    if len(lines) > MAX_FAULTS:
        lines[MAX_FAULTS:] = [f"... and {len(lines) - MAX_FAULTS} more"]
    return error_response(422, "invalid", "\n".join(lines)[:LONGEST_TEXT])


async def _handle_http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    status = error.status_code
    return error_response(status, CODES.get(status, "bad_request"), str(error.detail))


def _describe(fault: dict[str, Any]) -> tuple[str, str]:
    """Where a fault is and what was found there; and what was expected."""
    # Pydantic's names of branches of a union, such as `literal['open']`, are not part of a request.
    parts = [str(part) for part in fault["loc"] if "[" not in str(part)]
    where = ".".join(parts)[:200]
    match fault["type"]:
        case "missing":
            return f"{where}: found nothing", "a value"
        case "json_invalid":
            why = fault.get("ctx", {}).get("error")
            return f"{'.'.join(parts[:1])}: found invalid JSON ({why})", "an object"
        case "extra_forbidden":
            return f"{where}: found an unknown key", "none of this name"
    pattern = fault.get("ctx", {}).get("pattern")
    wanted = PATTERNS.get(pattern) or expected(cast("ErrorDetails", fault))
    return f"{where}: found {found(fault.get('input'))}", wanted
