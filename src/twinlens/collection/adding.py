"""Additions: folders, files and items as `Collection.add` takes them, and the run for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from twinlens.collection.ingest import Options, Report, Scan, ingest, scan
from twinlens.collection.ingest.items import ItemScan
from twinlens.collection.items import Item, as_items
from twinlens.collection.model import Model
from twinlens.collection.store import Generation, Store
from twinlens.core.arguments import as_paths
from twinlens.core.types import TwinlensError
from twinlens.models.runtime import tuned

One: TypeAlias = "Path | str | Item | Mapping[str, Any]"
Given: TypeAlias = "One | Sequence[Path | str] | Sequence[Item | Mapping[str, Any]] | Scan"
"""Folders and files, or items, one or several of a kind; or the result of `scan`."""


def found_in(given: Given, captions: object, exclude: Sequence[str]) -> Scan:
    """Return the pictures of folders, files or items. Raises TwinlensError as `scan` and `Item` do."""
    if isinstance(given, Scan):
        return given
    items = as_items(given)
    if items is None:
        return scan(as_paths("add", given), as_paths("captions", captions), exclude=exclude)
    if captions or exclude:
        raise TwinlensError("captions and exclude are for folders; an item has its caption itself")
    return ItemScan.of(items)


def ingest_all(
    store: Store, serving: Generation, model: Callable[[], Model], found: Scan, options: Options | None
) -> Report:
    """Bring a store up to date; model: loads the one that serves, once there is something to embed."""
    how = Options.of(options)
    fresh = len(found) - sum(map(store.count_below, found.roots))
    return ingest(store, serving, lambda: tuned(model(), fresh, progress=how.progress), found, how)


def update(store: Store, serving: Generation, model: Callable[[], Model], item: Item, options: Options | None) -> None:
    """Put an item in the place of the one with its id. Raises TwinlensError where its picture cannot be used."""
    one = Options(workers=0) if options is None else options
    report = ingest_all(store, serving, model, ItemScan.of([item]), one)
    for reason in report.failures:
        raise TwinlensError(f"item {item.id!r} stays as it was: {reason}")
