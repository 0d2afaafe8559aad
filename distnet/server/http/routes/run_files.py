"""The files of jobs' runs, in pieces, and their reports as pages."""

from typing import Annotated

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Path, Query, Request, Response

from distnet.protocol.run_files import ReportResponse, RunFilesResponse
from distnet.server.http.parameters import NameInPath, Offset, Viewer
from distnet.server.http.responses import json_response
from distnet.server.run_files.links import Links
from distnet.server.run_files.reports import Page, Reports
from distnet.server.run_files.run_files import RunFiles

MAX_BYTES = 8_000_000
READERS = 8
"""Reads at once: a folder whose storage is gone holds a thread for minutes."""
REPORTS = "/reports/"
"""Paths below it need no token; see `links.py`."""
ALONE = {
    "content-security-policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'; "
    "img-src data:; frame-ancestors 'self'",
    "x-frame-options": "SAMEORIGIN",
    "cross-origin-opener-policy": "unsafe-none",  # browsers refuse another one in a sandbox
}
"""The page runs no script, loads nothing, and has an origin of its own: a job may have written it
in parts. Only the server's own page may frame it."""

Version = Annotated[str | None, Query(pattern=r"^[0-9-]{1,60}$")]
Limit = Annotated[int, Query(ge=1, le=MAX_BYTES)]
LinkInPath = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{43}$")]

router = APIRouter(prefix="/api/v1/jobs/{job}", tags=["jobs"])
pages = APIRouter(tags=["page"])


@router.get("/files", response_model=RunFilesResponse)
async def files(job: NameInPath, request: Request, _: Viewer) -> Response:
    """List the files of a job's run: records, checkpoints, own code, logs."""
    run_files: RunFiles = request.app.state.run_files
    readers: CapacityLimiter = request.app.state.readers
    return json_response(await to_thread.run_sync(run_files.list, job, limiter=readers))


@router.get("/files/{path:path}", response_class=Response)
async def file(  # noqa: PLR0917
    job: NameInPath,
    path: str,
    request: Request,
    _: Viewer,
    version: Version = None,
    offset: Offset = 0,
    limit: Limit = MAX_BYTES,
) -> Response:
    """Read a piece of a file, of the version that was listed if any; an empty one at its end."""
    run_files: RunFiles = request.app.state.run_files
    readers: CapacityLimiter = request.app.state.readers
    data = await to_thread.run_sync(
        run_files.read, job, path, version, offset, limit, limiter=readers
    )
    return Response(data, media_type="application/octet-stream")


@router.get("/report", response_model=ReportResponse)
async def report(job: NameInPath, request: Request, _: Viewer) -> Response:
    """Draw the report of a job's run, and get a link to it, which is valid for a minute."""
    links: Links = request.app.state.links
    page = await _page(request, job)
    return json_response(
        ReportResponse(path=REPORTS.lstrip("/") + links.give(job), drawn_at=page.drawn_at)
    )


@pages.get(REPORTS + "{link}", response_class=Response, include_in_schema=False)
async def show(link: LinkInPath, request: Request) -> Response:
    """Show a report to a browser that has a link to it."""
    links: Links = request.app.state.links
    page = await _page(request, links.job(link))
    return Response(page.html, media_type="text/html; charset=utf-8", headers=ALONE)


async def _page(request: Request, job: str) -> Page:
    reports: Reports = request.app.state.reports
    drawers: CapacityLimiter = request.app.state.drawers
    return await to_thread.run_sync(reports.page, job, limiter=drawers)
