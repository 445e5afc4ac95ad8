"""Records of the service: hits and entries as JSON, with what a page shows beside the house's own record."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from starlette.responses import Response

from twinlens.collection.search import records
from twinlens.collection.store import Entry
from twinlens.core import jsonfile
from twinlens.core.types import Hit
from twinlens.media import moments, sources
from twinlens.media.fields import TAKEN


class Json(Response):
    """A response as JSON; numbers that JSON lacks are null, and paths are texts."""

    media_type = "application/json"

    def render(self, content: object) -> bytes:
        """Encode the content; what is no text in a path stays readable as an escape."""
        return jsonfile.dumps(content).encode("ascii")


def hit_record(hit: Hit) -> dict[str, Any]:
    """Return the record of a hit with the name of its file, its folder and its date."""
    path = hit.path
    where = {"name": moments.label(path), "folder": _folder(path)} if path else {"name": hit.id, "folder": ""}
    return {**records.to_json(hit), **where, "taken": _taken(hit.metadata)}


def entry_record(entry: Entry) -> dict[str, Any]:
    """Return the record of an entry."""
    metadata = records.flat(entry.metadata)
    return {
        "id": entry.id,
        "name": moments.label(entry.path),
        "path": sources.shown(entry.path),
        "folder": _folder(entry.path),
        "caption": entry.caption,
        "metadata": metadata,
        "width": entry.width,
        "height": entry.height,
        "hash": entry.hash.hex(),
        "taken": _taken(metadata),
    }


def _folder(path: Path) -> str:
    return os.fspath(sources.shown(path.parent))


def _taken(metadata: Mapping[str, Any]) -> str | None:
    taken = metadata.get(TAKEN)
    return taken if isinstance(taken, str) else None
