"""The cluster, and the event log of the whole server."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from distnet.protocol.cluster import (
    ClusterResponse,
    DrainRequest,
    EventsResponse,
    NodesResponse,
    ResumeRequest,
)
from distnet.protocol.numbers import NumberInQuery
from distnet.server.http.parameters import Admin, TheServer, Viewer
from distnet.server.http.responses import json_response
from distnet.server.views.listing import MAX_LIMIT

router = APIRouter(prefix="/api/v1", tags=["cluster"])


@router.get("/cluster", response_model=ClusterResponse)
def cluster(server: TheServer, _: Viewer) -> Response:
    """List the nodes of the cluster, and the jobs on them."""
    return json_response(server.cluster())


@router.post("/nodes/drain", response_model=NodesResponse)
def drain(body: DrainRequest, server: TheServer, caller: Admin) -> Response:
    """Start nothing new on some nodes; with `now`, move their running jobs off."""
    return json_response(server.nodes.drain(caller.user, body))


@router.post("/nodes/resume", response_model=NodesResponse)
def resume(body: ResumeRequest, server: TheServer, caller: Admin) -> Response:
    """Use drained nodes again."""
    return json_response(server.nodes.resume(caller.user, body))


@router.get("/events", response_model=EventsResponse)
def events(
    server: TheServer,
    _: Viewer,
    after: NumberInQuery = 0,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 500,
) -> Response:
    """List events of all jobs and users, the oldest first."""
    return json_response(server.events(after=after, limit=limit))
