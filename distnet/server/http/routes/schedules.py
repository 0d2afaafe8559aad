"""Jobs that are submitted by the clock."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from distnet.protocol.schedules import ScheduleAnswer, ScheduleRequest, SchedulesAnswer
from distnet.server.http.bodies import large, shown
from distnet.server.http.depends import NameInPath, Submitter, TheServer, Viewer
from distnet.server.http.responses import answer

Asked = Annotated[ScheduleRequest, Depends(large(ScheduleRequest))]

router = APIRouter(prefix="/api/v1/schedules", tags=["schedules"])


@router.get("", response_model=SchedulesAnswer)
def schedules(server: TheServer, _: Viewer) -> Response:
    """List all schedules."""
    return answer(SchedulesAnswer(schedules=tuple(server.schedules())))


@router.post(
    "", status_code=201, response_model=ScheduleAnswer, openapi_extra=shown(ScheduleRequest)
)
def add(server: TheServer, caller: Submitter, request: Asked) -> Response:
    """Submit a job again and again, or once."""
    return answer(server.add_schedule(caller.user, request), status=201)


@router.post("/{name}/pause", response_model=ScheduleAnswer)
def pause(name: NameInPath, server: TheServer, caller: Submitter) -> Response:
    """Submit nothing until it is resumed."""
    return answer(server.pause_schedule(caller.user, name, is_paused=True))


@router.post("/{name}/resume", response_model=ScheduleAnswer)
def resume(name: NameInPath, server: TheServer, caller: Submitter) -> Response:
    """Let a paused schedule go on."""
    return answer(server.pause_schedule(caller.user, name, is_paused=False))


@router.delete("/{name}", status_code=204, response_class=Response)
def remove(name: NameInPath, server: TheServer, caller: Submitter) -> Response:
    """Remove a schedule; jobs that it has submitted stay."""
    server.remove_schedule(caller.user, name)
    return Response(status_code=204)
