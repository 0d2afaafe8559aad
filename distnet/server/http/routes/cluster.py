"""The cluster, and the event log of the whole server."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from distnet.protocol.cluster import ClusterAnswer, EventsAnswer
from distnet.server.http.depends import TheServer, Viewer
from distnet.server.http.responses import answer
from distnet.server.views.listing import MOST

router = APIRouter(prefix="/api/v1", tags=["cluster"])


@router.get("/cluster", response_model=ClusterAnswer)
def cluster(server: TheServer, _: Viewer) -> Response:
    """Tell which machines there are, and who is on them."""
    return answer(server.cluster())


@router.get("/events", response_model=EventsAnswer)
def events(
    server: TheServer,
    _: Viewer,
    after: Annotated[int, Query(ge=0, lt=2**63)] = 0,
    limit: Annotated[int, Query(ge=1, le=MOST)] = 500,
) -> Response:
    """List what happened and who did it, the oldest first."""
    return answer(server.events(after=after, limit=limit))
