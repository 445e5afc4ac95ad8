"""Observation of requests: metrics, a line of JSON in the log for each, headers of every answer, the last catch."""

from __future__ import annotations

import time

from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from twinlens.core.types import TwinlensError
from twinlens.service.errors import status_of
from twinlens.service.log import LOG, log
from twinlens.service.metrics import Metrics
from twinlens.service.records import Json

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self';"
    " font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cache-control": "no-store",
}
"""Headers of every answer that does not set them itself."""
CLIENT_LEFT = 499
"""Status in metrics and the log of a request whose client went away before it was answered."""


class Observing:
    """Counts, times and logs requests; an error that nobody expected is an answer 500, and the process goes on."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app, self.metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, and note how."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun, status = time.perf_counter(), 0

        async def with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        self.metrics.in_flight.inc()
        try:
            await self.app(scope, receive, with_headers)
        except ClientDisconnect:
            status = status or CLIENT_LEFT
        except Exception as error:
            if status:
                raise
            await _failed(error)(scope, receive, with_headers)
        finally:
            self.metrics.in_flight.dec()
            self._note(scope, status, time.perf_counter() - begun)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "other")
        self.metrics.requests.labels(route, str(status)).inc()
        self.metrics.seconds.labels(route).observe(seconds)
        if status in (413, 415):
            self.metrics.refused.labels(str(status)).inc()
        log("request", method=scope["method"], route=route, status=status, seconds=round(seconds, 5))


def _failed(error: Exception) -> Json:
    if isinstance(error, TwinlensError):
        return Json({"error": str(error)}, status_of(error), {"connection": "close"})
    LOG.error("a request failed", exc_info=error)
    return Json({"error": "the request failed in the service; its log has the reason"}, 500)
