"""Listing of a collection's files: kinds, where their captions are from, and which fields they have."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from twinlens.collection.search import filters
from twinlens.collection.store import Store
from twinlens.media import moments
from twinlens.media.fields import BOILERPLATE, EMBEDDED, LATITUDE, RENAMED, TAKEN

PICTURES, VIDEOS, MOMENTS = "pictures", "videos", "moments"
"""Counts of pictures that are files of their own, of videos, and of the moments of these."""
COLUMNS = ("captioned beside", "captioned within", "boilerplate", "dated", "placed", "failed")
"""Counts of each kind: captions from beside the file and from within it, texts that are none, and so on."""


@dataclass
class Listing:
    """Counts of a collection's files.

    kinds: ending → `PICTURES`, `VIDEOS`, `MOMENTS` and each of `COLUMNS`. fields: name → pictures and moments.
    """

    kinds: dict[str, Counter[str]] = field(default_factory=dict)
    fields: Mapping[str, int] = field(default_factory=dict)


def listing(store: Store) -> Listing:
    """Count the files of a collection by kind, and the pictures that have each field."""
    (taken, first), (place, second), (nothing, third) = (
        filters.kind((name,)) for name in (TAKEN, LATITUDE, BOILERPLATE)
    )
    query = (
        "SELECT path, caption != '' AND given, caption != '' AND NOT given,"  # noqa: S608
        f" {nothing} != 'null', {taken} != 'null', {place} != 'null', failure IS NOT NULL FROM entry"
    )
    found, videos = Listing(fields=_fields(store)), set[Path]()
    for path, *flags in store.ask(query, *third, *first, *second):
        own = Path(os.fsdecode(path))
        file = moments.file_of(own)
        counts = found.kinds.setdefault(file.suffix.lower(), Counter())
        if file != own:
            counts[MOMENTS] += 1
        elif not moments.is_video(file):
            counts[PICTURES] += 1
        if moments.is_video(file) and file not in videos:
            videos.add(file)
            counts[VIDEOS] += 1
        counts.update(name for name, flag in zip(COLUMNS, flags, strict=True) if flag)
    return found


def _fields(store: Store) -> Mapping[str, int]:
    """Count the pictures that have each field, whether beside their file or within it; renamed ones by that name."""
    query = (
        "SELECT key, count(DISTINCT row) FROM (SELECT row, key FROM entry, json_each(metadata) UNION ALL"
        " SELECT row, key FROM entry, json_each(metadata, ?) WHERE typeof(key) = 'text') GROUP BY key ORDER BY key"
    )
    return {key: count for key, count in store.ask(query, f"$.{EMBEDDED}") if key not in (EMBEDDED, *RENAMED)}
