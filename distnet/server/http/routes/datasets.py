"""Datasets of users, by content: each shard is uploaded once, in pieces."""

from typing import Annotated

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Depends, Request, Response
from starlette.concurrency import run_in_threadpool

from distnet.protocol.datasets import (
    DatasetResponse,
    DatasetsResponse,
    MountRequest,
    MountResponse,
    PieceResponse,
    UploadResponse,
)
from distnet.server.datasets.mount import is_mounted
from distnet.server.http.json_body import body_schema, json_body, require_mostly_strings
from distnet.server.http.parameters import Offset, Sha256InPath, Submitter, TheServer, Viewer
from distnet.server.http.responses import json_response
from distnet.server.server import Server
from distnet.server.users.users import Caller

MAX_SYNTAX_BYTES = 2_000_000
"""Of a manifest: the numbers of samples in its row groups are not strings."""
MOUNTS_AT_ONCE = 2
"""A mount whose server is gone holds a thread for minutes."""
MountBody = Annotated[MountRequest, Depends(json_body(MountRequest))]

router = APIRouter(prefix="/api/v1/datasets", tags=["datasets"])


@router.get("", response_model=DatasetsResponse)
def datasets(server: TheServer, _: Viewer) -> Response:
    """List the datasets that the server keeps, the last used first."""
    return json_response(server.datasets.all())


@router.get("/{sha256}", response_model=DatasetResponse)
def dataset(sha256: Sha256InPath, server: TheServer, _: Viewer) -> Response:
    """Get one of them, by the sha256 of its manifest."""
    return json_response(server.datasets.get(sha256))


@router.post("/{sha256}", response_model=UploadResponse)
async def begin(
    sha256: Sha256InPath, request: Request, server: TheServer, caller: Submitter
) -> Response:
    """Begin to upload a dataset, or continue: the body is its manifest, as it is in its folder."""
    data = await request.body()
    return json_response(await run_in_threadpool(_begin, server, caller, sha256, data))


@router.put("/{sha256}/shards/{shard}", response_model=PieceResponse)
async def put(  # noqa: PLR0917
    sha256: Sha256InPath,
    shard: Sha256InPath,
    offset: Offset,
    request: Request,
    server: TheServer,
    caller: Submitter,
) -> Response:
    """Append a piece to a shard; the response says where the next one begins."""
    data = await request.body()

    def append() -> PieceResponse:
        return server.datasets.put(caller.user, sha256, shard, offset=offset, data=data)

    return json_response(await run_in_threadpool(append))


@router.post(
    "/{sha256}/mount", response_model=MountResponse, openapi_extra=body_schema(MountRequest)
)
async def mount(sha256: Sha256InPath, body: MountBody, request: Request, _: Submitter) -> Response:
    """Compare a dataset with the one that the server's machine sees under a path."""
    limiter: CapacityLimiter = request.app.state.mounts
    is_same = await to_thread.run_sync(is_mounted, body.path, sha256, limiter=limiter)
    return json_response(MountResponse(is_same=is_same))


@router.delete("/{sha256}", status_code=204, response_class=Response)
def remove(sha256: Sha256InPath, server: TheServer, caller: Submitter) -> Response:
    """Remove a dataset that no open job has."""
    server.datasets.remove(caller.user, sha256)
    return Response(status_code=204)


def _begin(server: Server, caller: Caller, sha256: str, data: bytes) -> UploadResponse:
    require_mostly_strings(data, MAX_SYNTAX_BYTES)
    return server.datasets.begin(caller.user, sha256, data)
