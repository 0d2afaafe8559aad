"""Every error that a route raises, as the one form of a refusal; no traceback ever."""

from typing import Any, cast

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic_core import ErrorDetails
from starlette.exceptions import HTTPException

from distnet.errors import DistnetError
from distnet.protocol.errors import ForbiddenError, UnauthenticatedError
from distnet.protocol.message import CURSOR, TOKEN_ID
from distnet.server.http.denials import Denials
from distnet.server.http.responses import refusal, refused
from distnet.spec.reading.faults import found
from distnet.spec.reading.validation import expected
from distnet.spec.sections.section import NAME, NAMED

CODES = {404: "not_found", 405: "method_not_allowed", 400: "bad_request"}
PATTERNS = {
    NAME: NAMED,
    CURSOR: "the `next` of the page before, as in open:50",
    TOKEN_ID: "the id of a token, twelve characters as `distnet token list` shows it",
}
MOST_FAULTS = 10
MOST_TEXT = 4000


def install(app: FastAPI, denials: Denials) -> None:
    """Have every error of a route answered."""

    async def of_ours(request: Request, error: Exception) -> Response:
        assert isinstance(error, DistnetError)
        if isinstance(error, ForbiddenError | UnauthenticatedError):
            caller = getattr(request.state, "caller", None)
            await denials.tell(request.scope, caller, error)
        return refused(error)

    app.add_exception_handler(DistnetError, of_ours)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _of_http)


async def _invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    wanted: dict[str, list[str]] = {}
    for fault in error.errors():  # the branches of a union each expect something else
        what, choice = _found(fault)
        wanted.setdefault(what, []).append(choice)
    lines = [f"{what}{_either(choices)}" for what, choices in wanted.items()]
    if len(lines) > MOST_FAULTS:
        lines[MOST_FAULTS:] = [f"... and {len(lines) - MOST_FAULTS} more"]
    return refusal(422, "invalid", "\n".join(lines)[:MOST_TEXT])


async def _of_http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    status = error.status_code
    return refusal(status, CODES.get(status, "bad_request"), str(error.detail))


def _found(fault: dict[str, Any]) -> tuple[str, str]:
    """Where a fault is and what was found there; and what was expected."""
    # What pydantic calls a branch of a union, as `literal['open']`, is no part of a request.
    parts = [str(part) for part in fault["loc"] if "[" not in str(part)]
    where = ".".join(parts)[:200]
    match fault["type"]:
        case "missing":
            return f"{where}: found nothing", "a value"
        case "json_invalid":
            why = fault.get("ctx", {}).get("error")
            return f"{'.'.join(parts[:1])}: found what is no JSON ({why})", "an object"
        case "extra_forbidden":
            return f"{where}: found a key that is not known", "none of this name"
    pattern = fault.get("ctx", {}).get("pattern")
    wanted = PATTERNS.get(pattern) or expected(cast("ErrorDetails", fault))
    return f"{where}: found {found(fault.get('input'))}", wanted


def _either(wanted: list[str]) -> str:
    return f", expected {' or '.join(dict.fromkeys(wanted))}"
