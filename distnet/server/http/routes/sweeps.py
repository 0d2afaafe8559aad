"""Sweeps: the jobs of one submit, ranked."""

from fastapi import APIRouter, Response

from distnet.protocol.sweeps import SweepResponse
from distnet.server.http.parameters import NameInPath, TheServer, Viewer
from distnet.server.http.responses import json_response

router = APIRouter(prefix="/api/v1/sweeps", tags=["sweeps"])


@router.get("/{sweep}", response_model=SweepResponse)
def sweep(sweep: NameInPath, server: TheServer, _: Viewer) -> Response:
    """Get the jobs of a sweep, open or ended, the best first."""
    return json_response(server.sweep(sweep))
