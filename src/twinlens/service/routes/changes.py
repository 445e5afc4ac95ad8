"""Additions and removals, only where the service is writable."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from twinlens.collection.ingest import Options
from twinlens.collection.items import Item
from twinlens.service import intake
from twinlens.service.errors import RequestError
from twinlens.service.records import Json, entry_record
from twinlens.service.routes._shared import PROBLEMS, EntryId, TheCollection, TheService, service_of
from twinlens.service.served import Served

router = APIRouter(responses=PROBLEMS, tags=["changes"])
READ_ONLY = "this service is read-only; start it with: twinlens serve --writable"
FORM = {
    "type": "object",
    "required": ["file"],
    "properties": {
        "file": {"type": "string", "format": "binary"},
        "caption": {"type": "string"},
        "metadata": {"type": "string", "description": "a JSON object"},
        "id": {"type": "string", "description": "the content hash by default"},
    },
}


@router.post("/pictures", openapi_extra={"requestBody": {"content": {intake.FORM: {"schema": FORM}}}})
async def add(request: Request, served: TheCollection) -> Json:
    """Add a picture, or put it in the place of the one with its id."""
    service = service_of(request)
    _check_writable(service.settings.writable)
    if intake.media_type(request) != intake.FORM:
        raise RequestError(415, f"send {intake.FORM} with the picture in the part file")
    async with intake.form_of(request, files=1) as form:
        part = form.get("file")
        if not isinstance(part, UploadFile):
            raise RequestError(400, "the form has no file; send the picture in the part file")
        data = await intake.file_of(part, service.settings.limits)
        texts = {name: value for name, value in form.items() if isinstance(value, str)}
    picture = service.uploads.add(data)
    item_id = texts.get("id") or picture.content.hex()
    item = Item(item_id, data, texts.get("caption", ""), _metadata(texts.get("metadata")))
    return Json(await run_in_threadpool(_added, served, item))


@router.delete("/pictures/{entry_id:path}")
def remove(service: TheService, served: TheCollection, entry_id: EntryId) -> Json:
    """Remove a picture from the collection; no file of a user is touched."""
    _check_writable(service.settings.writable)
    served.entry(entry_id)
    return Json({"removed": served.reads.remove(entry_id)})


def _check_writable(is_writable: bool) -> None:
    if not is_writable:
        raise RequestError(403, READ_ONLY)


def _metadata(text: str | None) -> dict[str, Any]:
    found = intake.loads(text) if text else {}
    if not isinstance(found, dict):
        raise RequestError(400, "metadata wants a JSON object")
    return found


def _added(served: Served, item: Item) -> dict[str, Any]:
    """Add an item, decoded in a worker process. Raises RequestError where the picture cannot be used."""
    report = served.reads.add(item, options=Options(workers=1))
    for reason in report.failures:
        raise RequestError(415, f"the picture cannot be used: {reason}")
    return entry_record(served.reads.entry(item.id))
