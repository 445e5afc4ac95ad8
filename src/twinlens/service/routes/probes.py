"""Probes for whoever runs the service: alive, ready, metrics."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from twinlens.service.bodies import Problem
from twinlens.service.records import Json
from twinlens.service.routes._shared import PROBLEMS, TheService

router = APIRouter(tags=["probes"])


@router.get("/health")
def health() -> Json:
    """Answer while the process is alive."""
    return Json({"status": "ok"})


@router.get("/ready", responses={503: {"model": Problem}})
def ready(service: TheService) -> Json:
    """Answer 200 once every collection is loaded and searches are fast, 503 before."""
    if service.is_ready:
        return Json({"ready": True})
    return Json({"error": service.fault or "the collections are being loaded", "ready": False}, status_code=503)


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}, 401: PROBLEMS[401]})
def metrics(service: TheService) -> Response:
    """Return the metrics in Prometheus' text format."""
    return Response(service.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")
