"""Parts of routes: the service of a request, parameters that several routes take, and the answers OpenAPI shows."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from fastapi import Depends, Path, Query, Request

from twinlens.service.bodies import Problem
from twinlens.service.served import Served
from twinlens.service.service import Service

PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": text}
    for status, text in {
        400: "The request is wrong; the line says what to change.",
        401: "The token is missing or wrong.",
        403: "The request comes from elsewhere, or the service does not allow it.",
        404: "There is no such thing.",
        413: "The request is too large.",
        415: "A file is no picture that can be read.",
        429: "Too many requests at once.",
        503: "The collection is being loaded.",
    }.items()
}
IMAGE: dict[int | str, dict[str, Any]] = {
    200: {"description": "The picture.", "content": {"image/*": {"schema": {"type": "string", "format": "binary"}}}}
}


def service_of(request: Request) -> Service:
    """Return the service that a request asks."""
    service: Service = request.app.state.service
    return service


def served_of(
    request: Request,
    collection: Annotated[str | None, Query(max_length=400, description="a collection; the first by default")] = None,
) -> Served:
    """Return the collection that a request names, else the first one."""
    return service_of(request).served(collection)


TheService: TypeAlias = Annotated[Service, Depends(service_of)]
TheCollection: TypeAlias = Annotated[Served, Depends(served_of)]
EntryId: TypeAlias = Annotated[str, Path(max_length=400, description="the id that a hit has")]
