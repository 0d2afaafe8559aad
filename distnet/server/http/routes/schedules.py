"""Schedules of recurring jobs."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from distnet.protocol.schedules import ScheduleRequest, ScheduleResponse, SchedulesResponse
from distnet.server.http.json_body import body_schema, json_body
from distnet.server.http.parameters import NameInPath, Submitter, TheDrafts, TheServer, Viewer
from distnet.server.http.responses import json_response
from distnet.server.jobs.draft import Reading

ScheduleBody = Annotated[ScheduleRequest, Depends(json_body(ScheduleRequest))]

router = APIRouter(prefix="/api/v1/schedules", tags=["schedules"])


@router.get("", response_model=SchedulesResponse)
def schedules(server: TheServer, _: Viewer) -> Response:
    """List all schedules."""
    return json_response(SchedulesResponse(schedules=tuple(server.schedules())))


@router.post(
    "", status_code=201, response_model=ScheduleResponse, openapi_extra=body_schema(ScheduleRequest)
)
async def add(
    server: TheServer, drafts: TheDrafts, caller: Submitter, body: ScheduleBody, request: Request
) -> Response:
    """Add a schedule that submits a job repeatedly, or once."""
    user = caller.user

    def act(reading: Reading) -> ScheduleResponse:
        return server.add_schedule(user, body, reading)

    return json_response(await drafts.run(user.name, request.receive, act), status=201)


@router.post("/{name}/pause", response_model=ScheduleResponse)
def pause(name: NameInPath, server: TheServer, caller: Submitter) -> Response:
    """Pause a schedule: it submits nothing until it is resumed."""
    return json_response(server.pause_schedule(caller.user, name, is_paused=True))


@router.post("/{name}/resume", response_model=ScheduleResponse)
def resume(name: NameInPath, server: TheServer, caller: Submitter) -> Response:
    """Resume a paused schedule."""
    return json_response(server.pause_schedule(caller.user, name, is_paused=False))


@router.delete("/{name}", status_code=204, response_class=Response)
def remove(name: NameInPath, server: TheServer, caller: Submitter) -> Response:
    """Remove a schedule; the jobs that it has submitted are kept."""
    server.remove_schedule(caller.user, name)
    return Response(status_code=204)
