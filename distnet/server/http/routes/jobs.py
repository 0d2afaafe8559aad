"""Jobs: submit, list, look at, steer. Whether a job is the caller's is judged in the core."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Response
from pydantic import Field

from distnet.protocol.cluster import EventsAnswer
from distnet.protocol.jobs import (
    JobAnswer,
    JobDetails,
    JobsAnswer,
    PriorityRequest,
    ResizeRequest,
    SubmitAnswer,
    WhyAnswer,
)
from distnet.protocol.message import CURSOR, Message
from distnet.protocol.states import JobState
from distnet.protocol.submit import BulkRequest, SubmitRequest
from distnet.server.http.bodies import large, shown
from distnet.server.http.depends import NameInPath, Submitter, TheServer, Viewer
from distnet.server.http.responses import answer
from distnet.server.server import Server
from distnet.server.users.users import Caller
from distnet.server.views.listing import MOST, Wanted
from distnet.spec.sections.section import NAME

Named = Annotated[str | None, Field(pattern=NAME)]
MOST_MARKS = 2_000_000
"""Ten thousand jobs have one million bytes outside of texts."""
Submit = Annotated[SubmitRequest, Depends(large(SubmitRequest))]
Bulk = Annotated[BulkRequest, Depends(large(BulkRequest, most_marks=MOST_MARKS))]
Verb = Literal["cancel", "stop", "hold", "release", "retry"]


class JobsQuery(Message):
    """Which jobs to list."""

    state: Literal["open", "ended", "all"] | JobState = "open"
    owner: Named = None
    team: Named = None
    array: Named = None
    text: Annotated[str, Field(max_length=63, pattern=r"^[a-z0-9-]*$")] | None = None
    """A part of the name."""
    limit: Annotated[int, Field(ge=1, le=MOST)] = 100
    after: Annotated[str, Field(max_length=40, pattern=CURSOR)] | None = None
    """`next` of the page before."""


router = APIRouter(prefix="/api/v1/jobs", tags=["jobs"])


@router.post("", status_code=201, response_model=SubmitAnswer, openapi_extra=shown(SubmitRequest))
def submit(server: TheServer, caller: Submitter, request: Submit) -> Response:
    """Queue a job, or those of a sweep; 200 instead of 201 if it was submitted before."""
    return _submitted(server, caller, (request,))


@router.post(
    "/bulk", status_code=201, response_model=SubmitAnswer, openapi_extra=shown(BulkRequest)
)
def submit_all(server: TheServer, caller: Submitter, asked: Bulk) -> Response:
    """Queue many jobs, all of them or none."""
    return _submitted(server, caller, asked.jobs)


@router.get("", response_model=JobsAnswer)
def jobs(query: Annotated[JobsQuery, Query()], server: TheServer, _: Viewer) -> Response:
    """List open jobs in the order of the schedule, ended ones by age."""
    return answer(server.jobs(Wanted(**dict(query))))


@router.get("/{job}", response_model=JobDetails)
def details(job: NameInPath, server: TheServer, _: Viewer) -> Response:
    """Tell everything about a job."""
    return answer(server.details(job))


@router.get("/{job}/why", response_model=WhyAnswer)
def why(job: NameInPath, server: TheServer, _: Viewer) -> Response:
    """Tell what a job waits for, and when it may start."""
    return answer(server.why(job))


@router.get("/{job}/events", response_model=EventsAnswer)
def events(
    job: NameInPath,
    server: TheServer,
    _: Viewer,
    after: Annotated[int, Query(ge=0, lt=2**63)] = 0,
    limit: Annotated[int, Query(ge=1, le=MOST)] = 500,
) -> Response:
    """List what happened to a job, the oldest first."""
    return answer(server.events(after=after, job=job, limit=limit))


@router.post("/{job}/resize", response_model=JobAnswer)
def resize(
    job: NameInPath, wanted: ResizeRequest, server: TheServer, caller: Submitter
) -> Response:
    """Give a job another number of workers."""
    return answer(server.answer(server.resize(caller.user, job, wanted.workers)))


@router.post("/{job}/priority", response_model=JobAnswer)
def set_priority(
    job: NameInPath, wanted: PriorityRequest, server: TheServer, caller: Submitter
) -> Response:
    """Give a job another priority."""
    return answer(server.answer(server.set_priority(caller.user, job, wanted.priority)))


@router.post("/{job}/{verb}", response_model=JobAnswer)
def steer(job: NameInPath, verb: Verb, server: TheServer, caller: Submitter) -> Response:
    """Cancel, stop, hold, release or retry a job."""
    steps = {
        "cancel": server.cancel,
        "stop": server.stop,
        "hold": server.hold,
        "release": server.release,
        "retry": server.retry,
    }
    return answer(server.answer(steps[verb](caller.user, job)))


def _submitted(server: Server, caller: Caller, requests: tuple[SubmitRequest, ...]) -> Response:
    records, is_new = server.submit(caller.user, requests)
    jobs = tuple(server.answer(record) for record in records)
    return answer(SubmitAnswer(jobs=jobs), status=201 if is_new else 200)
