"""Requests of agents; each attempt has a secret of its own, which the server checks."""

import hashlib
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from starlette.concurrency import run_in_threadpool

from distnet.protocol.attempt import AttemptConfig, Instructions, Report
from distnet.server.http.json_body import body_schema, json_body
from distnet.server.http.parameters import Secret, TheFollowers, TheServer
from distnet.server.http.responses import json_response

ReportBody = Annotated[Report, Depends(json_body(Report))]

router = APIRouter(prefix="/api/v1/attempt", tags=["attempt"])


@router.get("", response_model=AttemptConfig)
def config(server: TheServer, secret: Secret) -> Response:
    """Get the configuration of the attempt."""
    return json_response(server.attempt_config(secret))


@router.get("/code", response_class=Response)
def code(server: TheServer, secret: Secret) -> Response:
    """Download the archive with the job's own files."""
    return Response(server.code_of(secret), media_type="application/octet-stream")


@router.post("/report", response_model=Instructions, openapi_extra=body_schema(Report))
async def report(
    body: ReportBody, server: TheServer, followers: TheFollowers, secret: Secret
) -> Response:
    """Report the state of the attempt; the response says what it has to do."""
    job = server.mirror.job_of_secret(hashlib.sha256(secret.encode()).hexdigest())
    instructions = await run_in_threadpool(server.report, secret, body)
    if job is not None and (body.pieces or body.exit):
        followers.wake(job)
    return json_response(instructions)
