"""Responses: messages as JSON, and errors in one form."""

import json
import math

from pydantic import BaseModel
from starlette.responses import Response

from distnet.errors import DistnetError
from distnet.protocol.errors import InvalidError, ServerError

JSON = "application/json"


def json_response(message: BaseModel, *, status: int = 200) -> Response:
    """Write a message as JSON; NaN and infinity become null."""
    return Response(message.model_dump_json(), status_code=status, media_type=JSON)


def error_response(
    status: int, code: str, message: str, *, retry_after_s: float | None = None
) -> Response:
    """Write an error: `{"error": {"code": ..., "message": ...}}`."""
    headers = {"cache-control": "no-store"}
    if status == 401:
        headers["www-authenticate"] = "Bearer"
    if retry_after_s is not None:
        headers["retry-after"] = str(math.ceil(retry_after_s))
    body = json.dumps({"error": {"code": code, "message": message}})
    return Response(body, status_code=status, headers=headers, media_type=JSON)


def response_to(error: DistnetError) -> Response:
    """Write the response to an exception; one without a code of its own is `invalid`."""
    known = error if isinstance(error, ServerError) else InvalidError(str(error))
    return error_response(known.status, known.code, str(known), retry_after_s=known.wait_s)
