"""Logs: read from an offset, or waited for without holding a thread."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from distnet.protocol.jobs import StreamAnswer
from distnet.protocol.message import Message
from distnet.server.http.depends import NameInPath, Viewer
from distnet.server.http.followers import Followers
from distnet.server.http.responses import answer
from distnet.server.server import Server

LONGEST_S = 60.0
MOST_BYTES = 1_000_000

StreamName = Annotated[str, Path(pattern=r"^[a-z0-9-]{1,40}$")]


class StreamQuery(Message):
    """Which piece of a log."""

    offset: Annotated[int, Field(ge=0, lt=2**63)] = 0
    limit: Annotated[int, Field(ge=1, le=MOST_BYTES)] = MOST_BYTES // 4
    wait_s: Annotated[float, Field(ge=0, le=LONGEST_S, allow_inf_nan=False)] = 0.0


router = APIRouter(prefix="/api/v1/jobs/{job}/streams", tags=["jobs"])


@router.get("/{stream}", response_model=StreamAnswer)
async def stream(
    job: NameInPath,
    stream: StreamName,
    query: Annotated[StreamQuery, Query()],
    request: Request,
    _: Viewer,
) -> Response:
    """Read a piece of a log; if there is nothing yet, wait for it for up to `wait_s`."""
    server: Server = request.app.state.server
    followers: Followers = request.app.state.followers

    async def read() -> StreamAnswer:
        return await run_in_threadpool(server.stream, job, stream, query.offset, query.limit)

    return answer(await followers.follow(job, read, wait_s=query.wait_s))
