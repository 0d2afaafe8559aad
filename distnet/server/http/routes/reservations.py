"""Reservations of nodes."""

from fastapi import APIRouter, Response

from distnet.protocol.reservations import (
    ReservationRequest,
    ReservationResponse,
    ReservationsResponse,
)
from distnet.server.http.parameters import Admin, NameInPath, TheServer, Viewer
from distnet.server.http.responses import json_response

router = APIRouter(prefix="/api/v1/reservations", tags=["reservations"])


@router.get("", response_model=ReservationsResponse)
def reservations(server: TheServer, _: Viewer) -> Response:
    """List the reservations that have not ended, the next one first."""
    return json_response(ReservationsResponse(reservations=tuple(server.nodes.reservations())))


@router.post("", status_code=201, response_model=ReservationResponse)
def reserve(body: ReservationRequest, server: TheServer, caller: Admin) -> Response:
    """Reserve nodes for users and teams, for a window of time."""
    return json_response(server.nodes.reserve(caller.user, body), status=201)


@router.delete("/{name}", status_code=204, response_class=Response)
def cancel(name: NameInPath, server: TheServer, caller: Admin) -> Response:
    """Cancel a reservation."""
    server.nodes.cancel_reservation(caller.user, name)
    return Response(status_code=204)
