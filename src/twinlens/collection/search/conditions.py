"""The condition of a request: its own words, the folders it keeps to, and the place it is near."""

from __future__ import annotations

import os
from pathlib import Path

from twinlens.collection.search import filters
from twinlens.collection.search.fields import check_fields
from twinlens.collection.search.nodes import Below, Every, Near, Some
from twinlens.collection.search.request import SearchRequest
from twinlens.collection.store import Store
from twinlens.core import paths
from twinlens.core.types import TwinlensError
from twinlens.media import sources


def condition(request: SearchRequest, store: Store) -> filters.Node:
    """Return the condition that the answers to a filtered request must meet.

    Raises TwinlensError for one that cannot be parsed, a field or a type that no entry has, and a folder without
    pictures.
    """
    parts: list[filters.Node] = [] if request.where is None else [filters.parse(request.where)]
    if request.near is not None:
        parts.append(Near(*request.near))
    if request.within:
        parts.append(Some(tuple(_below(folder, store) for folder in request.within)))
    found = parts[0] if len(parts) == 1 else Every(tuple(parts))
    check_fields(found, store)
    return found


def _below(folder: str, store: Store) -> Below:
    """Return the condition of a folder, which may be named over links."""
    path = sources.located(Path(folder).expanduser())
    for place in (paths.real(path), paths.absolute(path)):
        if store.count_below(place):
            return Below(os.fsencode(place))
    raise TwinlensError(f"the collection {store.folder} has no pictures below {folder}")
