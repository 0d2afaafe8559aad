"""Metrics for Prometheus, which needs the token of a viewer."""

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4
from starlette.concurrency import run_in_threadpool

from distnet.server.http.parameters import Viewer
from distnet.server.observers.metrics import Metrics

router = APIRouter(tags=["cluster"])


@router.get("/metrics", response_class=Response)
async def metrics(request: Request, _: Viewer) -> Response:
    """Get the metrics in Prometheus' text format."""
    collected: Metrics = request.app.state.metrics
    text = await run_in_threadpool(collected.text)
    return Response(text, media_type=CONTENT_TYPE_PLAIN_0_0_4)
