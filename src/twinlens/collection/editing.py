"""Changes of single items: an update of what is given, and removal by ids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from twinlens.collection.items import Item
from twinlens.collection.store import Entry, Store
from twinlens.core.arguments import as_text, shown
from twinlens.core.types import GivenPicture, Hit, TwinlensError
from twinlens.media.fields import EMBEDDED


def entries_of(store: Store, ids: Sequence[object]) -> list[Entry]:
    """Return the entries of ids, or of hits. Raises TwinlensError that names the unknown ones."""
    names = [_id(given) for given in ids]
    found = {name: store.find(name) for name in names}
    unknown = [repr(name) for name, entry in found.items() if entry is None]
    if unknown:
        what = "ids" if len(unknown) > 1 else "id"
        raise TwinlensError(f"the collection {store.folder} has no picture with the {what} {', '.join(unknown)}")
    return [entry for entry in found.values() if entry is not None]


def updated(
    store: Store,
    given: object,
    caption: str | Sequence[str] | None,
    metadata: Mapping[str, Any] | None,
    image: GivenPicture | None,
) -> Item:
    """Return the item that an id or a hit names with the parts that are given in place of its own.

    Raises TwinlensError for an unknown id, and for a picture of the user's own folders.
    """
    (entry,) = entries_of(store, [given])
    if entry.item is None:
        raise TwinlensError(
            f"{entry.path} is a file of yours: change it, or the captions beside it, and add its folder again"
        )
    known = {name: value for name, value in entry.metadata.items() if name != EMBEDDED}
    return Item(
        entry.item,
        entry.path if image is None else image,
        (entry.caption if entry.given else "") if caption is None else caption,
        known if metadata is None else metadata,
    )


def _id(given: object) -> str:
    if isinstance(given, Hit):
        return given.id
    if not isinstance(given, str):
        raise TwinlensError(f"an id is the text that a hit or an item has, not {shown(given)}; give the hit, or its id")
    return as_text("an id", given)
