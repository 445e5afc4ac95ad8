"""Pictures of the collection by their ids: their records, their files, and thumbnails."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from pydantic import BeforeValidator
from starlette.responses import Response

from twinlens.collection.store import Entry
from twinlens.service.records import Json, entry_record
from twinlens.service.rendering import BrowserPicture
from twinlens.service.routes._shared import IMAGE, PROBLEMS, EntryId, TheCollection, TheService

router = APIRouter(responses=PROBLEMS, tags=["pictures"])
WEEK = 7 * 24 * 3600
"""Seconds for which browsers keep pictures; the address of another content has another ETag."""


def _size(given: object) -> int:
    sizes = {"240": 240, "480": 480}
    if (text := str(given)) not in sizes:
        raise ValueError(f"wants {' or '.join(sizes)}")
    return sizes[text]


@router.get("/thumbs/{entry_id:path}", responses=IMAGE, response_class=Response)
def thumb(
    request: Request,
    service: TheService,
    served: TheCollection,
    entry_id: EntryId,
    size: Annotated[Literal[240, 480], BeforeValidator(_size), Query(description="pixels of the longer side")] = 240,
) -> Response:
    """Return a thumbnail."""
    entry = served.entry(entry_id)
    tag = f'"{entry.hash.hex()}-{size}"'
    return _unchanged(request, tag) or _sent(service.renderer.thumb(entry, size), tag)


@router.get("/pictures/{entry_id:path}/file", responses=IMAGE, response_class=Response)
def file(request: Request, service: TheService, served: TheCollection, entry_id: EntryId) -> Response:
    """Return a picture as it was indexed; formats that browsers do not show become JPEG."""
    entry = served.entry(entry_id)
    tag = f'"{entry.hash.hex()}"'
    return _unchanged(request, tag) or _sent(service.renderer.file(entry), tag)


@router.get("/pictures/{entry_id:path}")
def picture(served: TheCollection, entry_id: EntryId) -> Json:
    """Return all that is known of a picture."""
    entry: Entry = served.entry(entry_id)
    return Json(entry_record(entry))


def _unchanged(request: Request, tag: str) -> Response | None:
    known = [part.strip() for part in request.headers.get("if-none-match", "").split(",")]
    return Response(status_code=304, headers={"etag": tag}) if tag in known else None


def _sent(rendered: BrowserPicture, tag: str) -> Response:
    caching = {"etag": tag, "cache-control": f"private, max-age={WEEK}", "content-disposition": "inline"}
    return Response(rendered.data, media_type=rendered.media_type, headers=caching)
