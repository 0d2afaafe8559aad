"""The HTTP API and the page: layers around, groups of routes within.

A request goes through the Shell (browsers, headers, faults) and the Gate (token, rates, body) to a
route (role), which asks the Server.
"""

import hashlib
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, FastAPI, Response
from starlette.responses import JSONResponse

from distnet.server.api import (
    attempt,
    cluster,
    code,
    jobs,
    metrics,
    page,
    people,
    refusals,
    schedules,
    streams,
)
from distnet.server.api.denials import Denials
from distnet.server.api.followers import Followers
from distnet.server.api.gate import Gate
from distnet.server.api.gatekeeper import Gatekeeper
from distnet.server.api.needs import Viewer, described
from distnet.server.api.shell import Shell
from distnet.server.browser import Guard
from distnet.server.metrics import Metrics
from distnet.server.server import Server
from distnet.server.settings import Settings

ROUTERS = (jobs, streams, cluster, code, schedules, people, metrics, attempt)


def make_app(server: Server, gatekeeper: Gatekeeper, settings: Settings) -> FastAPI:
    """Make the application; `server` is open, and closed by whoever opened it."""
    app = FastAPI(
        title="distnet",
        description="Submit, queue, schedule. Errors are `{'error': {'code', 'message'}}`.",
        openapi_url=None,  # the description needs a token too, see below
        docs_url=None,  # it would load its scripts from another host
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.server = server
    app.state.gatekeeper = gatekeeper
    app.state.followers = Followers()
    app.state.metrics = Metrics(server)
    _add_routes(app)
    _add_layers(app, settings)
    return app


def _add_routes(app: FastAPI) -> None:
    description = APIRouter(tags=["page"])

    @description.get("/api/v1/openapi.json", response_class=JSONResponse)
    def openapi(_: Viewer) -> Response:
        """Describe this API."""
        return JSONResponse(app.openapi())

    app.include_router(page.router)
    page.mount(app)
    for router in (description, *(group.router for group in ROUTERS)):
        app.include_router(router, dependencies=[Depends(described)])


def _add_layers(app: FastAPI, settings: Settings) -> None:
    """Put the layers around the routes, the inner one first."""
    gatekeeper: Gatekeeper = app.state.gatekeeper
    server: Server = app.state.server
    denials = Denials(gatekeeper.people, per_s=settings.limits.denied_per_s)

    def is_attempt(secret: str) -> bool:
        return server.book.job_of_secret(hashlib.sha256(secret.encode()).hexdigest()) is not None

    refusals.install(app, denials)
    app.add_middleware(
        Gate,
        gatekeeper=gatekeeper,
        denials=denials,
        limits=settings.limits,
        is_attempt=is_attempt,
    )
    app.add_middleware(
        Shell,
        guard=Guard(settings.listen, (*settings.hosts, urlsplit(settings.address).hostname or "")),
        denials=denials,
        count=app.state.metrics.count_request,
    )
