"""Items: pictures that a program gives a collection under ids of its own, with captions and metadata."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from twinlens.core import suggestions
from twinlens.core.arguments import GIVEN, as_text, check_picture, shown
from twinlens.core.types import GivenPicture, Picture, TwinlensError
from twinlens.media import kept
from twinlens.media.fields import EMBEDDED

if TYPE_CHECKING:
    from twinlens.media.captions import Caption


@dataclass(frozen=True, eq=False)
class Item:
    """A picture to add under an id, with a caption, or several, and metadata for conditions.

    image: a path, a PIL image, the bytes of a file, or an array (H, W, 3 | 4 | 1) of uint8; the collection keeps a copy
    of it. metadata: JSON; of NumPy's numbers the value, of other objects their text. Without a caption that within the
    picture's file is taken, if there is one. Raises TwinlensError for a value of another kind.
    """

    id: str
    image: GivenPicture
    caption: str | Sequence[str] = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_id(self.id)
        try:
            check_picture(self.picture, GIVEN)
            _ = self.described
        except TwinlensError as error:
            raise TwinlensError(f"item {self.id!r}: {error}") from error

    @property
    def picture(self) -> Picture:
        """Return the picture in a form that every room takes."""
        from twinlens.media import memory  # here and below, for whoever only searches

        return memory.as_picture(self.image)

    @property
    def described(self) -> Caption:
        """Return caption and metadata as a collection stores them."""
        from twinlens.media.captions import given_caption

        try:
            return given_caption(_texts(self.caption), _checked(self.metadata))
        except ValueError as error:
            raise TwinlensError(f"metadata cannot be stored: {error}") from error


def check_id(given: object) -> str:
    """Check the id of an item, and return it."""
    item_id = as_text("the id of an item", given)
    if not item_id:
        raise TwinlensError("the id of an item is empty; give each its own")
    if len(kept.beginning(item_id)) > kept.MAX_NAME_BYTES:
        raise TwinlensError(
            f"the id of an item has fewer than {kept.MAX_NAME_BYTES} bytes, of which all but a-z, 0-9, - and _ count"
            f" three times; {shown(item_id)} is too long"
        )
    return item_id


def _texts(given: object) -> list[str]:
    """Check one or several captions."""
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, Iterable) or isinstance(texts, bytes | bytearray | Mapping):
        raise TwinlensError(f"a caption is a text, or a list of them, not {shown(given)}")
    return [as_text("a caption", text) for text in texts]


def _checked(given: object) -> Mapping[str, Any]:
    """Check metadata."""
    if not isinstance(given, Mapping):
        raise TwinlensError(f"metadata are a dict of names and values, not {shown(given)}")
    for name in given:
        if not as_text("a name in metadata", name).strip() or name == EMBEDDED:
            raise TwinlensError(f"metadata cannot have a field named {name!r}; name it otherwise")
    return given


def as_items(given: object) -> list[Item] | None:
    """Return items from one, or several, or mappings of their fields; None where the first is something else.

    Raises TwinlensError for a list that is only in part of items, for two of the same id, and as `Item` does.
    """
    if isinstance(given, Item | Mapping):
        given = [given]
    if not isinstance(given, Sequence) or not given or not isinstance(given[0], Item | Mapping):
        return None
    items = [_item(one) for one in given]
    (item_id, count) = Counter(item.id for item in items).most_common(1)[0]
    if count > 1:
        raise TwinlensError(f"{count} items have the id {item_id!r}; give each its own")
    return items


def _item(given: object) -> Item:
    if isinstance(given, Item):
        return given
    if not isinstance(given, Mapping):
        raise TwinlensError(f"add wants items alone, or paths alone, not {shown(given)} among items")
    names = [f.name for f in fields(Item)]
    for name in given:
        if name not in names:
            raise TwinlensError(suggestions.unknown("field of an item", str(name), names))
    for name in ("id", "image"):
        if name not in given:
            raise TwinlensError(f"an item needs {name}; it has {', '.join(map(str, given)) or 'nothing'}")
    return Item(**given)
