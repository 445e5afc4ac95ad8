"""`POST /search` and `GET /similar/{id}`."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool

from twinlens.collection.search.query import NO_DIRECTION
from twinlens.collection.search.request import SearchRequest
from twinlens.core.types import Picture, TwinlensError
from twinlens.service import intake
from twinlens.service.batching import Answer
from twinlens.service.bodies import MAX_DEPTH, MAX_K, SearchBody
from twinlens.service.errors import RequestError
from twinlens.service.log import log
from twinlens.service.pictures import UPLOAD, QueryPicture, of_entry
from twinlens.service.records import Json, hit_record
from twinlens.service.routes._shared import PROBLEMS, EntryId, TheCollection, TheService, service_of
from twinlens.service.served import Served
from twinlens.service.service import Service

router = APIRouter(responses=PROBLEMS, tags=["search"])
MULTIPART = {
    "type": "object",
    "properties": {
        "image": {"type": "array", "items": {"type": "string", "format": "binary"}, "maxItems": 8},
        "request": {"type": "string", "description": "the JSON of a search, in place of single fields"},
        "text": {"type": "array", "items": {"type": "string"}},
        "k": {"type": "integer", "minimum": 1, "maximum": MAX_K},
    },
}
"""The multipart form of a search in OpenAPI; every field of the JSON is a form field too."""
UNREAD_PICTURE = "the model reads nothing in the picture that others could be compared by; choose another picture"


@router.post(
    "/search",
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": SearchBody.model_json_schema()},
                "multipart/form-data": {"schema": MULTIPART},
            },
        }
    },
)
async def search(request: Request) -> Json:
    """Find pictures by pictures, sentences, or both, as JSON or as a multipart form with the files of pictures."""
    begun, service = time.perf_counter(), service_of(request)
    body, uploads = await intake.search_of(request, service.settings.limits)
    return await _answered(service, service.served(body.collection), body, uploads, begun)


@router.get("/similar/{entry_id:path}")
async def similar(
    service: TheService, served: TheCollection, entry_id: EntryId, k: Annotated[int, Query(ge=1, le=MAX_K)] = 40
) -> Json:
    """Find pictures that are like one of the collection."""
    body = SearchBody(image=[entry_id], k=k)
    return await _answered(service, served, body, [], time.perf_counter())


async def _answered(service: Service, served: Served, body: SearchBody, uploads: list[bytes], begun: float) -> Json:
    if body.image or uploads:
        request = await run_in_threadpool(_request, service, served, body, uploads)
    else:
        request = body.request([])  # reads nothing: a thread would cost more
    if service.settings.log_queries:
        log("query", collection=served.name, **query_record(request, body))
    try:
        answer = await asyncio.wrap_future(served.submit(request))
    except TwinlensError as error:
        if str(error) == NO_DIRECTION and not request.texts:
            raise RequestError(400, UNREAD_PICTURE) from error
        raise
    record = _record(served, request, answer, body)
    record["seconds"]["total"] = time.perf_counter() - begun
    return Json(record)


def _request(service: Service, served: Served, body: SearchBody, uploads: list[bytes]) -> SearchRequest:
    """Look the pictures of a search up, and keep those that came with it."""
    images: list[Picture] = [_picture(service, served, name) for name in body.image]
    images += [service.uploads.add(data) for data in uploads]
    return body.request(images)


def _picture(service: Service, served: Served, name: str) -> QueryPicture:
    return service.uploads.get(name) if name.startswith(UPLOAD) else of_entry(served.entry(name))


def _record(served: Served, request: SearchRequest, answer: Answer, body: SearchBody) -> dict[str, Any]:
    """Return the answer as JSON: the hits after the cursor, and where the next ones begin."""
    hits = answer.hits
    shown, end = hits[body.start :], body.start + body.k
    has_more = len(hits) == end and end < MAX_DEPTH
    return {
        "collection": served.name,
        "query": query_record(request, body),
        "hits": [hit_record(hit) for hit in shown],
        "chance": hits.chance,
        "doubtful": hits.doubtful,
        "mean": hits.mean,
        "unit": hits.unit,
        "recall": hits.recall,
        "seconds": {"total": 0.0, "embed": answer.seconds if answer.embedded else 0, "rerank": hits.seconds},
        "embedded": answer.embedded,
        "cursor": str(end) if has_more else None,
        "search": served.remember(request, hits),
    }


def query_record(request: SearchRequest, body: SearchBody) -> dict[str, Any]:
    """Return a request as JSON that asks it again: its pictures by their references."""
    names = [picture.name for picture in request.images if isinstance(picture, QueryPicture)]
    return {**body.model_dump(exclude={"collection", "cursor"}), "image": names, "text": list(request.texts)}
