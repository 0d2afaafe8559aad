"""What goes back: messages as JSON, and every refusal in one form."""

import json
import math

from pydantic import BaseModel
from starlette.responses import Response

from distnet.errors import DistnetError
from distnet.protocol.errors import InvalidError, ServerError

JSON = "application/json"


def answer(message: BaseModel, *, status: int = 200) -> Response:
    """Write a message as JSON; numbers that are none are null."""
    return Response(message.model_dump_json(), status_code=status, media_type=JSON)


def refusal(
    status: int, code: str, message: str, *, retry_after_s: float | None = None
) -> Response:
    """Write a refusal: `{"error": {"code": ..., "message": ...}}`."""
    headers = {"cache-control": "no-store"}
    if status == 401:
        headers["www-authenticate"] = "Bearer"
    if retry_after_s is not None:
        headers["retry-after"] = str(math.ceil(retry_after_s))
    body = json.dumps({"error": {"code": code, "message": message}})
    return Response(body, status_code=status, headers=headers, media_type=JSON)


def refused(error: DistnetError) -> Response:
    """Write an error as a refusal."""
    known = error if isinstance(error, ServerError) else InvalidError(str(error))
    return refusal(known.status, known.code, str(known))
