"""`GET /collections`: what is served."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from fastapi import APIRouter

from twinlens.collection.store.layout import EXAMPLES
from twinlens.service.errors import RequestError
from twinlens.service.records import Json
from twinlens.service.routes._shared import PROBLEMS, TheService
from twinlens.service.served import Served

router = APIRouter(responses=PROBLEMS, tags=["collections"])
MAX_EXAMPLES = 2**18
"""Bytes of the file with examples."""


@router.get("/collections")
def collections(service: TheService) -> Json:
    """List the collections: their pictures, models, failures, and a running index. One that is gone is left out."""
    found, gone = list[dict[str, Any]](), list[RequestError]()
    for served in service:
        try:
            found.append(_record(served))
        except RequestError as error:
            gone.append(error)
    if gone and not found:
        raise gone[0]
    return Json({"collections": found, "writable": service.settings.writable})


def _record(served: Served) -> dict[str, Any]:
    info = served.reads.info()
    model = {"recipe": info.model.recipe, "digest": info.model.digest, "reads_words": served.reads_words}
    return {
        "name": served.name,
        "folder": served.folder,
        "pictures": info.pictures,
        "model": model,
        "generation": info.model.number,
        "fields": served.reads.fields(),
        "progress": served.progress(info.pictures + info.failed, info.lacking),
        "failures": [{"reason": reason, "count": count, "example": path} for reason, count, path in info.failures],
        "examples": _examples(served),
        "ready": served.is_warm,
    }


def _examples(served: Served) -> list[dict[str, Any]]:
    path = served.folder / EXAMPLES
    with suppress(OSError, ValueError):
        if path.stat().st_size <= MAX_EXAMPLES:
            found = json.loads(path.read_text("utf-8"))
            return [example for example in found if isinstance(example, dict)] if isinstance(found, list) else []
    return []
