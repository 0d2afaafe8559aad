"""The cluster, and the event log of the whole server."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from distnet.protocol.cluster import ClusterResponse, EventsResponse
from distnet.server.http.parameters import TheServer, Viewer
from distnet.server.http.responses import json_response
from distnet.server.views.listing import MAX_LIMIT

router = APIRouter(prefix="/api/v1", tags=["cluster"])


@router.get("/cluster", response_model=ClusterResponse)
def cluster(server: TheServer, _: Viewer) -> Response:
    """List the nodes of the cluster, and the jobs on them."""
    return json_response(server.cluster())


@router.get("/events", response_model=EventsResponse)
def events(
    server: TheServer,
    _: Viewer,
    after: Annotated[int, Query(ge=0, lt=2**63)] = 0,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 500,
) -> Response:
    """List events of all jobs and users, the oldest first."""
    return json_response(server.events(after=after, limit=limit))
