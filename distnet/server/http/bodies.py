"""Bodies that may be large: read in a thread, and no further than to their first faults.

Everybody waits for the event loop, so what is read on it must be small (`gate.py`: SMALL_BYTES).
"""

import re
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool

from distnet.protocol.errors import InvalidError
from distnet.protocol.message import Message

JSON = "application/json"
TEXT = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
"""A text in JSON, or what is there of one."""
MOST_MARKS = 500_000
"""Bytes of a body outside of its texts. To read a MB of text takes 1 ms; of `[],` it takes 150 ms,
in which nothing else runs, and 50 MB of memory."""
MOST_FAULTS = 1000
"""To look at: pydantic writes out either all faults or none, and takes long for a million."""

M = TypeVar("M", bound=Message)


def large(model: type[M], *, most_marks: int = MOST_MARKS) -> Callable[[Request], Awaitable[M]]:
    """Make the dependency that reads the body of a request."""

    async def read(request: Request) -> M:
        kind = request.headers.get("content-type", "")
        if kind.partition(";")[0].strip().lower() != JSON:
            raise InvalidError(f"body: found Content-Type {kind[:100]!r}, expected {JSON}")
        return await run_in_threadpool(_read, model, await request.body(), most_marks)

    return read


def shown(model: type[Message]) -> dict[str, Any]:
    """Describe such a body for `openapi_extra`: FastAPI sees only a dependency."""
    schema = model.model_json_schema()
    content = {JSON: {"schema": _inlined(schema, schema.pop("$defs", {}))}}
    return {"requestBody": {"required": True, "content": content}}


def _read(model: type[M], data: bytes, most_marks: int) -> M:
    if not _has_few_marks(data, most_marks):
        raise InvalidError(f"body: found more than {most_marks:,} bytes outside of texts")
    try:
        return model.model_validate_json(data)
    except ValidationError as error:
        num_faults = error.error_count()
        if num_faults > MOST_FAULTS:
            raise InvalidError(f"body: found {num_faults:,} faults, expected none") from None
        faults = error.errors(include_url=False)
    raise RequestValidationError([{**fault, "loc": ("body", *fault["loc"])} for fault in faults])


def _has_few_marks(data: bytes, most: int) -> bool:
    num_marks = end = 0
    for text in TEXT.finditer(data):
        num_marks += text.start() - end
        end = text.end()
        if num_marks > most:
            return False
    return num_marks + len(data) - end <= most


def _inlined(schema: Any, parts: dict[str, Any]) -> Any:
    """Put the parts of a schema where it refers to them: its root is another one here."""
    if isinstance(schema, list):
        return [_inlined(item, parts) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _inlined(parts[schema["$ref"].rpartition("/")[2]], parts)
    return {key: _inlined(value, parts) for key, value in schema.items()}
