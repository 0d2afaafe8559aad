"""The HTTP API and the page.

A request passes through BoundaryMiddleware (browsers, headers, errors) and AccessMiddleware (token,
rates, body) to a route (role), which calls the Server.
"""

from urllib.parse import urlsplit

from anyio import CapacityLimiter
from fastapi import APIRouter, Depends, FastAPI, Response
from starlette.responses import JSONResponse
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from distnet.server.http import exceptions
from distnet.server.http.access import AccessMiddleware
from distnet.server.http.audit import AuditLog
from distnet.server.http.boundary import BoundaryMiddleware
from distnet.server.http.browser_guard import BrowserGuard
from distnet.server.http.guard.connections import Connections
from distnet.server.http.guard.drafts import Drafts
from distnet.server.http.guard.protocol import Guard
from distnet.server.http.guard.refusals import Refusals
from distnet.server.http.log_followers import LogFollowers
from distnet.server.http.parameters import Viewer, described
from distnet.server.http.refusals import describe
from distnet.server.http.routes import (
    attempt,
    cluster,
    code,
    datasets,
    jobs,
    metrics,
    page,
    reservations,
    run_files,
    schedules,
    streams,
    sweeps,
    usage,
    users,
)
from distnet.server.observers.metrics import Metrics
from distnet.server.run_files.links import Links
from distnet.server.run_files.reports import Reports
from distnet.server.run_files.run_files import RunFiles
from distnet.server.server import Server
from distnet.server.settings import Settings
from distnet.server.state.attempt_secrets import sha256_of
from distnet.server.users.authenticator import Authenticator
from distnet.server.views.turns import MAX_QUEUED

ROUTERS = (
    jobs,
    run_files,
    sweeps,
    streams,
    cluster,
    code,
    datasets,
    schedules,
    reservations,
    users,
    usage,
    metrics,
    attempt,
)


def make_app(server: Server, authenticator: Authenticator, settings: Settings) -> FastAPI:
    """Make the application; the caller opens and closes `server`."""
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
    app.state.followers = LogFollowers(settings.limits.followers_per_user)
    app.state.drafts = Drafts(settings.limits)
    app.state.mounts = CapacityLimiter(datasets.MOUNTS_AT_ONCE)
    app.state.metrics = metrics_ = Metrics(server)
    refusals = Refusals(metrics_.count_refusal)
    connections = Connections(settings.limits)
    metrics_.watch_connections(connections.counts)
    app.state.guard = Guard(settings.limits, connections, refusals)
    _add_run_files(app, server, settings)
    _add_routes(app)
    _add_layers(app, settings)
    return app


def _add_run_files(app: FastAPI, server: Server, settings: Settings) -> None:
    app.state.run_files = RunFiles(server.mirror, settings.runs)
    app.state.readers = CapacityLimiter(run_files.READERS)
    app.state.reports = Reports(app.state.run_files, server.clock)
    app.state.drawers = CapacityLimiter(2 * MAX_QUEUED)
    app.state.links = Links()


def _add_routes(app: FastAPI) -> None:
    description = APIRouter(tags=["page"])

    @description.get("/api/v1/openapi.json", response_class=JSONResponse)
    def openapi(_: Viewer) -> Response:
        """Describe this API."""
        return JSONResponse(describe(app))

    app.include_router(page.router)
    app.include_router(run_files.pages)
    page.mount(app)
    for router in (description, *(group.router for group in ROUTERS)):
        app.include_router(router, dependencies=[Depends(described)])


def _add_layers(app: FastAPI, settings: Settings) -> None:
    """Put the layers around the routes, the inner one first."""
    authenticator: Authenticator = app.state.authenticator
    server: Server = app.state.server
    audit = AuditLog(authenticator.users, per_s=settings.limits.denied_per_s)

    def job_of(secret: str) -> str | None:
        return server.mirror.secrets.job(sha256_of(secret))

    own_name = urlsplit(settings.address).hostname or ""
    exceptions.install(app, audit, app.state.guard.refusals)
    app.add_middleware(
        AccessMiddleware,
        authenticator=authenticator,
        audit=audit,
        guard=app.state.guard,
        job_of=job_of,
    )
    app.add_middleware(
        BoundaryMiddleware,
        guard=BrowserGuard(settings.listen, (*settings.hosts, own_name)),
        audit=audit,
        count=app.state.metrics.count_request,
    )
    if settings.proxies:  # outermost, so that limits and audit know the client's own address
        app.add_middleware(ProxyHeadersMiddleware, trusted_hosts=list(settings.proxies))
