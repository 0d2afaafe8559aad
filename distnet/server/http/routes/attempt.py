"""Requests of agents; each attempt has a secret of its own, which the server checks."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from starlette.concurrency import run_in_threadpool

from distnet.protocol.attempt import AttemptConfig, Instructions, Report, SecretRequest
from distnet.server.attempts.reports import exchange_secret
from distnet.server.http.json_body import body_schema, json_body
from distnet.server.http.parameters import (
    Offset,
    Secret,
    Sha256InPath,
    TheFollowers,
    TheServer,
)
from distnet.server.http.responses import json_response
from distnet.server.state.attempt_secrets import sha256_of

MAX_BYTES = 8_000_000
ReportBody = Annotated[Report, Depends(json_body(Report))]

Limit = Annotated[int, Query(ge=1, le=MAX_BYTES)]

router = APIRouter(prefix="/api/v1/attempt", tags=["attempt"])


@router.get("", response_model=AttemptConfig)
def config(server: TheServer, secret: Secret) -> Response:
    """Get the configuration of the attempt."""
    return json_response(server.attempt_config(secret))


@router.get("/code", response_class=Response)
def code(server: TheServer, secret: Secret) -> Response:
    """Download the archive with the job's own files."""
    return Response(server.code_of(secret), media_type="application/octet-stream")


@router.get("/dataset", response_class=Response)
def dataset(server: TheServer, secret: Secret) -> Response:
    """Download the manifest of the job's dataset, if the job names that by its content."""
    return Response(server.datasets.manifest_of(secret), media_type="application/json")


@router.get("/dataset/{shard}", response_class=Response)
def shard(
    shard: Sha256InPath,
    server: TheServer,
    secret: Secret,
    offset: Offset = 0,
    limit: Limit = MAX_BYTES,
) -> Response:
    """Download a piece of a shard of that dataset; an empty one at its end."""
    data = server.datasets.piece_of(secret, shard, offset, limit)
    return Response(data, media_type="application/octet-stream")


@router.post("/secret", status_code=204, response_class=Response)
def exchange(body: SecretRequest, server: TheServer, secret: Secret) -> Response:
    """Exchange the secret with which the attempt was started for one that only its agent knows."""
    now, mirror = server.clock(), server.mirror
    mirror.change(lambda: exchange_secret(mirror, secret, body.sha256, now))
    return Response(status_code=204)


@router.post("/report", response_model=Instructions, openapi_extra=body_schema(Report))
async def report(
    body: ReportBody, server: TheServer, followers: TheFollowers, secret: Secret
) -> Response:
    """Report the state of the attempt; the response says what it has to do."""
    job = server.mirror.secrets.job(sha256_of(secret))
    instructions = await run_in_threadpool(server.report, secret, body)
    if job is not None and (body.pieces or body.exit):
        followers.wake(job)
    return json_response(instructions)
