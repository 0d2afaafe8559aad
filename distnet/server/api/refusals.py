"""Every error that a route raises, as the one form of a refusal; no traceback ever."""

from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from distnet.errors import DistnetError
from distnet.server.api.answers import refusal, refused
from distnet.server.api.denials import Denials
from distnet.server.errors import ForbiddenError, UnauthenticatedError
from distnet.spec.faults import found

CODES = {404: "not_found", 405: "method_not_allowed", 400: "bad_request"}
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
    faults = error.errors()
    lines = [_line(fault) for fault in faults[:MOST_FAULTS]]
    if len(faults) > MOST_FAULTS:
        lines.append(f"... and {len(faults) - MOST_FAULTS} more")
    return refusal(422, "invalid", "\n".join(lines)[:MOST_TEXT])


async def _of_http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    status = error.status_code
    return refusal(status, CODES.get(status, "bad_request"), str(error.detail))


def _line(fault: dict[str, Any]) -> str:
    where = ".".join(str(part) for part in fault["loc"])[:200]
    if fault["type"] == "missing":
        return f"{where}: found nothing, expected a value"
    if fault["type"] == "json_invalid":
        return f"{where}: found a body that is no JSON: {fault.get('ctx', {}).get('error')}"
    what = found(fault.get("input"))
    return f"{where}: found {what}: {fault['msg']}"
