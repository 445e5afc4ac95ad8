"""`GET /explain/{id}`: why a picture answered a search, from the record that the search made."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from fastapi import APIRouter, Query
from starlette.responses import Response

from twinlens.service.errors import RequestError
from twinlens.service.records import Json
from twinlens.service.routes._shared import IMAGE, PROBLEMS, EntryId, TheCollection, TheService

router = APIRouter(responses=PROBLEMS, tags=["search"])
SearchId: TypeAlias = Annotated[str, Query(max_length=40, description="the search of an answer")]


@router.get("/explain/{entry_id:path}/gate.png", responses=IMAGE, response_class=Response)
def gate(service: TheService, served: TheCollection, entry_id: EntryId, search: SearchId) -> Response:
    """Return the map of the fusion's gate laid over the query's first picture; 404 where there is no such gate."""
    found = served.explain(search, entry_id)
    pictures = served.search_of(search).request.images
    if found.gate is None or not pictures:
        raise RequestError(404, f"there is no map of a gate: {found.no_gate}")
    rendered = service.renderer.gate(pictures[0], found.gate)
    return Response(rendered.data, media_type=rendered.media_type)


@router.get("/explain/{entry_id:path}")
def explain(served: TheCollection, entry_id: EntryId, search: SearchId) -> Json:
    """Explain a score: the shares of its parts, the words that moved it, facts, and the gate's map."""
    return Json(served.explain(search, entry_id).to_json())
