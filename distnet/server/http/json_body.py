"""Parse large JSON bodies: in a thread, and only up to their first faults.

Every request needs the event loop, so only small bodies are parsed on it (`access.py`).
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
STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
"""A string in JSON, or the start of one."""
MAX_SYNTAX_BYTES = 500_000
"""The bytes of a body outside of strings. Parsing 1 MB of strings takes 1 ms; 1 MB of `[],` takes
150 ms, in which nothing else runs, and 50 MB of memory."""
MAX_FAULTS = 1000
"""Pydantic describes either all faults or none, which takes long for a million."""

M = TypeVar("M", bound=Message)


def json_body(
    model: type[M], *, max_syntax_bytes: int = MAX_SYNTAX_BYTES
) -> Callable[[Request], Awaitable[M]]:
    """Make the dependency that parses the body of a request."""

    async def parse(request: Request) -> M:
        kind = request.headers.get("content-type", "")
        if kind.partition(";")[0].strip().lower() != JSON:
            raise InvalidError(f"body: found Content-Type {kind[:100]!r}, expected {JSON}")
        return await run_in_threadpool(_parse, model, await request.body(), max_syntax_bytes)

    return parse


def body_schema(model: type[Message]) -> dict[str, Any]:
    """Describe such a body for `openapi_extra`: FastAPI sees only a dependency."""
    schema = model.model_json_schema()
    content = {JSON: {"schema": _inlined(schema, schema.pop("$defs", {}))}}
    return {"requestBody": {"required": True, "content": content}}


def _parse(model: type[M], data: bytes, max_syntax_bytes: int) -> M:
    require_mostly_strings(data, max_syntax_bytes)
    try:
        return model.model_validate_json(data)
    except ValidationError as error:
        num_faults = error.error_count()
        if num_faults > MAX_FAULTS:
            raise InvalidError(f"body: found {num_faults:,} faults, expected none") from None
        faults = error.errors(include_url=False)
    raise RequestValidationError([{**fault, "loc": ("body", *fault["loc"])} for fault in faults])


def require_mostly_strings(data: bytes, most: int) -> None:
    """Refuse JSON with so much syntax that parsing it takes long.

    Raises:
        InvalidError: it has more than `most` bytes outside of strings.
    """
    if not _is_mostly_strings(data, most):
        raise InvalidError(
            f"body: found more than {most:,} bytes outside of strings, expected fewer"
        )


def _is_mostly_strings(data: bytes, most: int) -> bool:
    num_bytes = end = 0
    for string in STRING.finditer(data):
        num_bytes += string.start() - end
        end = string.end()
        if num_bytes > most:
            return False
    return num_bytes + len(data) - end <= most


def _inlined(schema: Any, parts: dict[str, Any]) -> Any:
    """Replace references in a schema by their parts: the schema becomes part of another one."""
    if isinstance(schema, list):
        return [_inlined(item, parts) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _inlined(parts[schema["$ref"].rpartition("/")[2]], parts)
    return {key: _inlined(value, parts) for key, value in schema.items()}
