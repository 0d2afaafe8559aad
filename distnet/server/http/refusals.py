"""What each route may refuse, added to the description of the API.

Refusals come from the layers around the routes, and from what a path or a body names, so that they
follow from path and method.
"""

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI

from distnet.protocol.message import Message

PUBLIC = ("/", "/healthz", "/assets/{name}")
WITH_BODY = ("post", "put")
WORDS = {
    400: "The request cannot be read.",
    401: "No token, or one that is unknown, expired or revoked.",
    403: "The user of the token may not do this.",
    404: "There is no such job, node, dataset, ...",
    408: "The body did not arrive in time.",
    409: "It conflicts with the state, or the client has another version.",
    413: "The body is too large.",
    422: "The content of the request is invalid.",
    429: "Too many requests.",
    503: "The ledger or the cluster cannot be reached, or the server is busy; try again.",
}
OF_THE_JOB = ("/api/v1/attempt/code", "/api/v1/attempt/dataset")
"""A job may have none."""
SCHEMA = "Refusal"


class Reason(Message):
    """Why a request was refused."""

    code: str
    """Stable, for programs."""
    message: str
    """For users."""


class Refusal(Message):
    """The body of every refusal."""

    error: Reason


def describe(app: FastAPI) -> dict[str, Any]:
    """Describe the API as OpenAPI, with the refusals of every route."""
    described = app.openapi()
    schemas = described["components"]["schemas"]
    schema = Refusal.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= {**schema.pop("$defs"), SCHEMA: schema}
    for unused in ("HTTPValidationError", "ValidationError"):  # FastAPI's own form
        schemas.pop(unused, None)
    for path, verbs in described["paths"].items():
        for verb, operation in verbs.items():
            operation["responses"] |= {
                str(one): _response(verb, one) for one in _statuses(verb, path)
            }
    return described


def _statuses(verb: str, path: str) -> Iterator[int]:
    yield from (403, 422, 429, 503)
    if path not in PUBLIC:
        yield from (401, 409)
    if verb in WITH_BODY:
        yield from (400, 404, 408, 413)  # a body may name what does not exist
    elif "{" in path or path in OF_THE_JOB:
        yield 404


def _response(verb: str, status: int) -> dict[str, Any]:
    if verb == "head":  # whose responses have no body
        return {"description": WORDS[status]}
    schema = {"$ref": f"#/components/schemas/{SCHEMA}"}
    return {"description": WORDS[status], "content": {"application/json": {"schema": schema}}}
