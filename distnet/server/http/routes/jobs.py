"""Jobs: submit, list, details, commands. The server checks that a job belongs to the caller."""

import secrets
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import Field

from distnet.protocol.cluster import EventsResponse
from distnet.protocol.jobs import (
    JobDetails,
    JobResponse,
    JobsResponse,
    PriorityRequest,
    ResizeRequest,
    SubmitResponse,
    WhyResponse,
)
from distnet.protocol.message import CURSOR, Message
from distnet.protocol.node_commands import (
    ExecRequest,
    ExecResponse,
    NodeCommand,
    StacksRequest,
)
from distnet.protocol.numbers import NumberInQuery, TimeInQuery
from distnet.protocol.states import JobState
from distnet.protocol.submit import BulkRequest, SubmitRequest
from distnet.server.http.json_body import body_schema, json_body
from distnet.server.http.parameters import NameInPath, Submitter, TheDrafts, TheServer, Viewer
from distnet.server.http.responses import json_response
from distnet.server.jobs.draft import Reading
from distnet.server.server import Server
from distnet.server.users.users import Caller
from distnet.server.views.listing import MAX_LIMIT, JobFilter
from distnet.spec.sections.section import NAME

NameInQuery = Annotated[str | None, Field(pattern=NAME)]
MAX_SYNTAX_BYTES = 2_000_000
"""Ten thousand jobs have one million bytes outside of strings."""
SubmitBody = Annotated[SubmitRequest, Depends(json_body(SubmitRequest))]
BulkBody = Annotated[
    BulkRequest, Depends(json_body(BulkRequest, max_syntax_bytes=MAX_SYNTAX_BYTES))
]
Command = Literal["cancel", "stop", "hold", "release", "retry"]


class JobsQuery(Message):
    """Which jobs to list."""

    state: Literal["open", "ended", "all"] | JobState = "open"
    owner: NameInQuery = None
    team: NameInQuery = None
    array: NameInQuery = None
    text: Annotated[str, Field(max_length=63, pattern=r"^[a-z0-9-]*$")] | None = None
    """A part of the name."""
    since: TimeInQuery | None = None
    """Only jobs that have ended since then."""
    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT)] = 100
    after: Annotated[str, Field(max_length=60, pattern=CURSOR)] | None = None
    """`next` of the page before."""


AGAIN: dict[int | str, dict[str, Any]] = {
    200: {"model": SubmitResponse, "description": "All were queued before, with the same keys."}
}

router = APIRouter(prefix="/api/v1/jobs", tags=["jobs"])


@router.post(
    "",
    status_code=201,
    response_model=SubmitResponse,
    responses=AGAIN,
    openapi_extra=body_schema(SubmitRequest),
)
async def submit(
    server: TheServer, drafts: TheDrafts, caller: Submitter, body: SubmitBody, request: Request
) -> Response:
    """Queue a job, or those of a sweep; 200 instead of 201 if it was submitted before."""
    act = partial(_submit, server, caller, (body,))
    return await drafts.run(caller.user.name, request.receive, act)


@router.post(
    "/bulk",
    status_code=201,
    response_model=SubmitResponse,
    responses=AGAIN,
    openapi_extra=body_schema(BulkRequest),
)
async def submit_all(
    server: TheServer, drafts: TheDrafts, caller: Submitter, body: BulkBody, request: Request
) -> Response:
    """Queue many jobs, either all or none."""
    act = partial(_submit, server, caller, body.jobs)
    return await drafts.run(caller.user.name, request.receive, act)


@router.get("", response_model=JobsResponse)
def jobs(query: Annotated[JobsQuery, Query()], server: TheServer, _: Viewer) -> Response:
    """List open jobs in the order of the scheduler, and ended ones from new to old."""
    return json_response(server.jobs(JobFilter(**dict(query))))


@router.get("/{job}", response_model=JobDetails)
def details(job: NameInPath, server: TheServer, _: Viewer) -> Response:
    """Get everything about a job."""
    return json_response(server.details(job))


@router.get("/{job}/why", response_model=WhyResponse)
def why(job: NameInPath, server: TheServer, _: Viewer) -> Response:
    """Explain what a job waits for, and estimate when it starts."""
    return json_response(server.why(job))


@router.get("/{job}/events", response_model=EventsResponse)
def events(
    job: NameInPath,
    server: TheServer,
    _: Viewer,
    after: NumberInQuery = 0,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 500,
) -> Response:
    """List the events of a job, the oldest first."""
    return json_response(server.events(after=after, job=job, limit=limit))


@router.post("/{job}/resize", response_model=JobResponse)
def resize(job: NameInPath, body: ResizeRequest, server: TheServer, caller: Submitter) -> Response:
    """Change the number of workers of a job."""
    return json_response(server.job(server.resize(caller.user, job, body.workers)))


@router.post("/{job}/priority", response_model=JobResponse)
def set_priority(
    job: NameInPath, body: PriorityRequest, server: TheServer, caller: Submitter
) -> Response:
    """Change the priority of a job."""
    return json_response(server.job(server.set_priority(caller.user, job, body.priority)))


@router.post("/{job}/exec", response_model=ExecResponse)
def exec_(job: NameInPath, body: ExecRequest, server: TheServer, caller: Submitter) -> Response:
    """Run a program on the nodes of a job while it trains."""
    command = NodeCommand(stream=_new_stream(), **body.model_dump())
    return json_response(server.run_on_nodes(caller.user, job, command))


@router.post("/{job}/stacks", response_model=ExecResponse)
def stacks(job: NameInPath, body: StacksRequest, server: TheServer, caller: Submitter) -> Response:
    """Read the stacks of the workers of a job while it trains."""
    command = NodeCommand(stream=_new_stream(), argv=(), timeout_s=0.0, **body.model_dump())
    return json_response(server.run_on_nodes(caller.user, job, command))


@router.post("/{job}/{command}", response_model=JobResponse)
def command(job: NameInPath, command: Command, server: TheServer, caller: Submitter) -> Response:
    """Cancel, stop, hold, release or retry a job."""
    commands = {
        "cancel": server.cancel,
        "stop": server.stop,
        "hold": server.hold,
        "release": server.release,
        "retry": server.retry,
    }
    return json_response(server.job(commands[command](caller.user, job)))


def _new_stream() -> str:
    return f"exec-{secrets.token_hex(8)}"


def _submit(
    server: Server, caller: Caller, requests: tuple[SubmitRequest, ...], reading: Reading
) -> Response:
    records, is_new = server.submit(caller.user, requests, reading)
    jobs = tuple(server.job(record) for record in records)
    return json_response(SubmitResponse(jobs=jobs), status=201 if is_new else 200)
