"""Logs: read from an offset; requests can wait for more without holding a thread."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from distnet.protocol.jobs import StreamResponse
from distnet.protocol.message import Message
from distnet.protocol.numbers import NumberInQuery
from distnet.server.http.log_followers import Follower, LogFollowers
from distnet.server.http.parameters import NameInPath, Viewer
from distnet.server.http.responses import json_response
from distnet.server.server import Server

LONGEST_S = 60.0
MAX_BYTES = 1_000_000

StreamName = Annotated[str, Path(pattern=r"^[a-z0-9-]{1,40}$")]


class StreamQuery(Message):
    """Which piece of a log."""

    offset: NumberInQuery = 0
    limit: Annotated[int, Field(ge=1, le=MAX_BYTES)] = MAX_BYTES // 4
    wait_s: Annotated[float, Field(ge=0, le=LONGEST_S, allow_inf_nan=False)] = 0.0


router = APIRouter(prefix="/api/v1/jobs/{job}/streams", tags=["jobs"])


@router.get("/{stream}", response_model=StreamResponse)
async def stream(
    job: NameInPath,
    stream: StreamName,
    query: Annotated[StreamQuery, Query()],
    request: Request,
    caller: Viewer,
) -> Response:
    """Read a piece of a log; if there is nothing new, wait for up to `wait_s`."""
    server: Server = request.app.state.server
    followers: LogFollowers = request.app.state.followers

    async def read() -> StreamResponse:
        return await run_in_threadpool(server.stream, job, stream, query.offset, query.limit)

    if query.wait_s == 0:
        return json_response(await read())
    follower = Follower(
        job=job,
        user=caller.user.name,
        read=read,
        is_open=lambda: job in server.mirror.jobs,
        receive=request.receive,
        rest=request.state.turn.end,
    )
    return json_response(await followers.follow(follower, wait_s=query.wait_s))
