"""What attempts ask and tell, each with a secret of its own; the core judges the secret."""

import hashlib
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from starlette.concurrency import run_in_threadpool

from distnet.protocol.attempt import Orders, Report, Task
from distnet.server.http.bodies import large, shown
from distnet.server.http.depends import Secret, TheFollowers, TheServer
from distnet.server.http.responses import answer

Said = Annotated[Report, Depends(large(Report))]

router = APIRouter(prefix="/api/v1/attempt", tags=["attempt"])


@router.get("", response_model=Task)
def task(server: TheServer, secret: Secret) -> Response:
    """Tell an attempt what to do."""
    return answer(server.task(secret))


@router.get("/code", response_class=Response)
def code(server: TheServer, secret: Secret) -> Response:
    """Hand an attempt the archive with the job's own files."""
    return Response(server.code_of(secret), media_type="application/octet-stream")


@router.post("/report", response_model=Orders, openapi_extra=shown(Report))
async def report(
    said: Said, server: TheServer, followers: TheFollowers, secret: Secret
) -> Response:
    """Take down what an attempt says; the answer says what it is to do next."""
    job = server.mirror.job_of_secret(hashlib.sha256(secret.encode()).hexdigest())
    orders = await run_in_threadpool(server.report, secret, said)
    if job is not None and (said.pieces or said.exit):
        followers.tell(job)
    return answer(orders)
