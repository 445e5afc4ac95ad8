"""The application: a service's routes behind its access, its intake and its observation."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match, Route

from twinlens.core.types import TwinlensError
from twinlens.service.access import Access
from twinlens.service.addresses import NOTHING, Addresses
from twinlens.service.errors import in_one_line, status_of
from twinlens.service.intake import Intake
from twinlens.service.observing import Observing
from twinlens.service.records import Json
from twinlens.service.routes import (
    changes,
    collections,
    duplicates,
    explain,
    export,
    fields,
    page,
    pictures,
    probes,
    search,
)
from twinlens.service.service import Service
from twinlens.version import __version__

ROUTES = (search, pictures, collections, fields, duplicates, export, explain, changes, probes, page)
"""Files of routes, in the order in which they are tried."""


def create_app(service: Service) -> FastAPI:
    """Create the application of a service, which it closes at its end."""

    @asynccontextmanager
    async def running(_app: FastAPI) -> AsyncIterator[None]:
        service.warm_up()
        yield
        service.close()

    app = FastAPI(
        title="twinlens",
        version=__version__,
        description="Find pictures by a picture, a sentence, or both.",
        lifespan=running,
        docs_url=None,
        redoc_url=None,
    )
    app.state.service = service
    for module in ROUTES:
        app.include_router(module.router)
    app.mount("/web", page.Web(directory=page.WEB), name="web")
    for kind, handler in ((TwinlensError, _mended), (RequestValidationError, _unfit), (HTTPException, _plain)):
        app.add_exception_handler(kind, handler)
    app.add_middleware(Addresses)
    app.add_middleware(Intake, limits=service.settings.limits)
    app.add_middleware(Access, settings=service.settings)
    app.add_middleware(Observing, metrics=service.metrics)
    return app


async def _mended(_request: Request, error: Exception) -> Response:
    status = status_of(error) if isinstance(error, TwinlensError) else 500
    headers = {"retry-after": "1"} if status in (429, 503) else None
    return Json({"error": " ".join(str(error).split())}, status, headers)


async def _unfit(_request: Request, error: Exception) -> Response:
    line = in_one_line(error.errors()) if isinstance(error, RequestValidationError) else str(error)
    return Json({"error": line}, 400)


async def _plain(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    detail = str(error.detail) if isinstance(error, HTTPException) else ""
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
    if status == 405:
        headers["Allow"] = ", ".join(_methods(request))
        detail = f"{request.method} is not answered at this address; it takes {headers['Allow']}"
    lines = {404: NOTHING}
    return Json({"error": lines.get(status, detail or "the request is wrong")}, status, headers)


def _methods(request: Request) -> list[str]:
    """Return the methods that an address takes; those of files where no route is."""
    routes = [route for module in ROUTES for route in module.router.routes if isinstance(route, Route)]
    here = [route.methods or set() for route in routes if route.matches(request.scope)[0] is not Match.NONE]
    methods = set().union(*here) or {"GET"}
    return sorted(methods | ({"HEAD"} if "GET" in methods else set()))
