"""The web page, its parts, and whether the server is alive: all that is seen without a token.

The page's files are read once, when the server starts: nothing else can be asked for by any path.
"""

import hashlib
import mimetypes
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

from fastapi import APIRouter, FastAPI, Request, Response
from starlette.exceptions import HTTPException

TYPES = {".js": "text/javascript", ".css": "text/css", ".html": "text/html"}
"""By us, because the system's own table may say otherwise, and browsers refuse a wrong one."""

router = APIRouter(tags=["page"])


@dataclass(frozen=True, slots=True)
class Asset:
    """A file of the page."""

    data: bytes
    media_type: str
    etag: str

    def answer(self, request: Request) -> Response:
        """Serve it, or say that the browser's copy is still right; it always asks."""
        headers = {"etag": self.etag, "cache-control": "no-cache"}
        if self.etag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(self.data, media_type=self.media_type, headers=headers)


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """Say that the server is there."""
    return {"status": "ok"}


def mount(app: FastAPI) -> None:
    """Serve the page; what it shows it asks for with the user's token."""
    page = files("distnet.server") / "page"
    index = _read(page / "index.html")
    assets = {file.name: _read(file) for file in (page / "assets").iterdir() if file.is_file()}

    @app.get("/", response_class=Response, include_in_schema=False)
    async def show_page(request: Request) -> Response:
        return index.answer(request)

    @app.get("/assets/{name}", response_class=Response, include_in_schema=False)
    async def show_asset(name: str, request: Request) -> Response:
        if name not in assets:
            raise HTTPException(404, "the page has no such file")
        return assets[name].answer(request)


def _read(file: Traversable) -> Asset:
    data = file.read_bytes()
    etag = f'"{hashlib.sha256(data).hexdigest()[:32]}"'
    kind = TYPES.get("." + file.name.rpartition(".")[2]) or mimetypes.guess_type(file.name)[0]
    return Asset(data, kind or "application/octet-stream", etag)
