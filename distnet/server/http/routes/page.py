"""The web page, its files, and the health check: the only paths without a token.

The page's files are read once, when the server starts: no path leads to any other file.
"""

import hashlib
import mimetypes
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

from fastapi import APIRouter, FastAPI, Request, Response
from starlette.exceptions import HTTPException

TYPES = {".js": "text/javascript", ".css": "text/css", ".html": "text/html"}
"""Set here, because the system's table may differ, and browsers refuse wrong types."""

router = APIRouter(tags=["page"])


@dataclass(frozen=True, slots=True)
class Asset:
    """A file of the page."""

    data: bytes
    media_type: str
    etag: str

    def response_to(self, request: Request) -> Response:
        """Send the file, or 304 if the browser's copy is up to date."""
        headers = {"etag": self.etag, "cache-control": "no-cache"}
        if self.etag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(self.data, media_type=self.media_type, headers=headers)


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """Check that the server is alive."""
    return {"status": "ok"}


def mount(app: FastAPI) -> None:
    """Serve the page; it requests its data with the user's token."""
    page = files("distnet.server") / "page"
    index = _read(page / "index.html")
    assets = {file.name: _read(file) for file in (page / "assets").iterdir() if file.is_file()}

    @app.get("/", response_class=Response, include_in_schema=False)
    async def show_page(request: Request) -> Response:
        return index.response_to(request)

    @app.get("/assets/{name}", response_class=Response, include_in_schema=False)
    async def show_asset(name: str, request: Request) -> Response:
        if name not in assets:
            raise HTTPException(404, f"the page has no file {name[:100]!r}")
        return assets[name].response_to(request)


def _read(file: Traversable) -> Asset:
    data = file.read_bytes()
    etag = f'"{hashlib.sha256(data).hexdigest()[:32]}"'
    kind = TYPES.get("." + file.name.rpartition(".")[2]) or mimetypes.guess_type(file.name)[0]
    return Asset(data, kind or "application/octet-stream", etag)
