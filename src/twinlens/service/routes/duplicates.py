"""`GET /duplicates`: groups of pictures that look the same."""

from __future__ import annotations

from threading import Lock
from typing import Annotated

from fastapi import APIRouter, Query

from twinlens.core.types import NEAR_DUPLICATE
from twinlens.service.errors import RequestError
from twinlens.service.records import Json, entry_record
from twinlens.service.routes._shared import PROBLEMS, TheCollection

router = APIRouter(responses=PROBLEMS, tags=["collections"])
MAX_PICTURES = 200_000
"""Pictures of the largest collection that is compared pair by pair within a request."""
_comparing = Lock()


@router.get("/duplicates")
def duplicates(
    served: TheCollection, at: Annotated[float, Query(ge=0.5, le=1, description="a cosine")] = NEAR_DUPLICATE
) -> Json:
    """List groups of pictures that look the same, the largest first, for one request at a time."""
    if (count := len(served.reads)) > MAX_PICTURES:
        raise RequestError(
            400, f"{served.name} has {count:,} pictures, too many to compare here; run: twinlens duplicates"
        )
    if not _comparing.acquire(blocking=False):
        raise RequestError(429, "another request is comparing pictures; try again once it is answered")
    try:
        groups = served.reads.duplicates(at)
    finally:
        _comparing.release()
    return Json({"at": at, "groups": [[entry_record(entry) for entry in group] for group in groups]})
