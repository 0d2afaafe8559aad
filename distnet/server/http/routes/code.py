"""Archives with the own files of jobs; each content is uploaded once."""

import hashlib

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from distnet.protocol.errors import InvalidError
from distnet.server.http.parameters import (
    Sha256InPath,
    Submitter,
    TheAuthenticator,
    TheServer,
    Viewer,
)
from distnet.server.server import Server
from distnet.server.users.authenticator import Authenticator
from distnet.server.users.users import Caller

router = APIRouter(prefix="/api/v1/code", tags=["code"])


@router.head("/{sha256}", response_class=Response)
def has_code(sha256: Sha256InPath, server: TheServer, _: Viewer) -> Response:
    """Check whether the server has this archive: 200 or 404."""
    return Response(status_code=200 if server.has_code(sha256) else 404)


@router.put("/{sha256}", status_code=204, response_class=Response)
async def put_code(
    sha256: Sha256InPath,
    request: Request,
    server: TheServer,
    authenticator: TheAuthenticator,
    caller: Submitter,
) -> Response:
    """Upload an archive; its bytes are the body."""
    await run_in_threadpool(_keep, server, authenticator, caller, sha256, await request.body())
    return Response(status_code=204)


def _keep(
    server: Server, authenticator: Authenticator, caller: Caller, sha256: str, data: bytes
) -> None:
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise InvalidError(
            f"found an archive with sha256 {found}, expected {sha256}", code="wrong_hash"
        )
    if server.has_code(sha256):
        return
    server.put_code(sha256, data)
    text = f"files {sha256[:12]} uploaded, {len(data):,} bytes"
    authenticator.users.note("code", caller.user.name, text)
