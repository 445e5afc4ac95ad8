"""`GET /explain/{id}`: why a picture answered a search, from the record that the search made."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from fastapi import APIRouter, Query

from twinlens.service.records import Json
from twinlens.service.routes._shared import PROBLEMS, EntryId, TheCollection

router = APIRouter(responses=PROBLEMS, tags=["search"])
SearchId: TypeAlias = Annotated[str, Query(max_length=40, description="the search of an answer")]


@router.get("/explain/{entry_id:path}")
def explain(served: TheCollection, entry_id: EntryId, search: SearchId) -> Json:
    """Explain a score: the shares of its parts, the words that moved it, facts, and the gate's map."""
    return Json(served.explain(search, entry_id).to_json())
