"""The HTTP API and the page: layers around, groups of routes within.

A request goes through the Shell (browsers, headers, faults) and the Gate (token, rates, body) to a
route (role), which asks the Server.
"""

import hashlib
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, FastAPI, Response
from starlette.responses import JSONResponse

from distnet.server.http import errors as refusals
from distnet.server.http.browser import Guard
from distnet.server.http.denials import Denials
from distnet.server.http.depends import Viewer, described
from distnet.server.http.followers import Followers
from distnet.server.http.gate import Gate
from distnet.server.http.outermost import Shell
from distnet.server.http.routes import (
    attempt,
    cluster,
    code,
    jobs,
    metrics,
    page,
    schedules,
    streams,
)
from distnet.server.http.routes import users as people
from distnet.server.observers.metrics import Metrics
from distnet.server.server import Server
from distnet.server.settings import Settings
from distnet.server.users.authenticator import Authenticator

ROUTERS = (jobs, streams, cluster, code, schedules, people, metrics, attempt)


def make_app(server: Server, authenticator: Authenticator, settings: Settings) -> FastAPI:
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
    app.state.authenticator = authenticator
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
    authenticator: Authenticator = app.state.authenticator
    server: Server = app.state.server
    denials = Denials(authenticator.people, per_s=settings.limits.denied_per_s)

    def is_attempt(secret: str) -> bool:
        return server.mirror.job_of_secret(hashlib.sha256(secret.encode()).hexdigest()) is not None

    refusals.install(app, denials)
    app.add_middleware(
        Gate,
        authenticator=authenticator,
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
