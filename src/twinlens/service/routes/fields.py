"""`GET /fields`: the fields and folders that filters can use, with their values."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from twinlens.collection.facets import Facet
from twinlens.service.records import Json
from twinlens.service.routes._shared import PROBLEMS, TheCollection

router = APIRouter(responses=PROBLEMS, tags=["collections"])
MAX_FOLDERS = 500


@router.get("/fields")
def fields(served: TheCollection) -> Json:
    """List fields with their commonest values or a histogram, and folders; counts may be seconds old."""
    found = served.facets()
    folders = sorted(found.folders, key=lambda item: -item[1])[:MAX_FOLDERS]
    return Json(
        {
            "fields": [_record(facet) for facet in found.fields],
            "folders": [{"folder": folder, "count": count} for folder, count in folders],
        }
    )


def _record(facet: Facet) -> dict[str, Any]:
    return {
        "name": facet.name,
        "kind": facet.kind,
        "count": facet.count,
        "values": [{"value": value, "count": count} for value, count in facet.values],
        "histogram": [{"from": bar.low, "to": bar.high, "count": bar.count} for bar in facet.histogram],
    }
