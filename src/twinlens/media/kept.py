"""Paths of pictures that a collection keeps itself: `pictures/ID~HASH.png`, by an item's id and the content hash.

All bytes of an id but lower-case letters, digits, "-" and "_" are written as %xx, so that names differ where a file
system knows no case. The name tells the content, so that the time of such a file means nothing: copies keep none.
"""

from __future__ import annotations

import re
from pathlib import PurePath
from urllib.parse import unquote_to_bytes

from twinlens.core.paths import of_any_system

FOLDER = "pictures"
MAX_NAME_BYTES = 200
"""Bytes of an id as it is written in a name; with hash and ending no file system's limit of 255 is met."""
TIME_NS = 1
"""The time of every kept picture; not 0, by which a collection marks files to be read again."""
_PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789-_")
_NAME = re.compile(r"((?:[a-z0-9_-]|%[0-9a-f]{2})+)~[0-9a-f]{40}\.[a-z0-9]+")


def beginning(item_id: str) -> str:
    """Return the beginning of the name of an item's picture, which no other item's name has: `ID~`."""
    return (
        "".join(chr(byte) if byte in _PLAIN else f"%{byte:02x}" for byte in item_id.encode("utf-8", "surrogatepass"))
        + "~"
    )


def name_of(item_id: str, content: bytes, ending: str) -> str:
    """Return the name of the file for an item's picture, by its content hash (20 bytes)."""
    return f"{beginning(item_id)}{content.hex()}{ending}"


def is_name(name: str) -> bool:
    """Return True if a name can be that of a kept picture."""
    return _NAME.fullmatch(name) is not None


def id_of(path: PurePath) -> str | None:
    """Return the id of the item whose picture has this path; None for other paths."""
    if "~" not in path.name:
        return None
    path = of_any_system(path)
    if path.parent.name != FOLDER or (found := _NAME.fullmatch(path.name)) is None:
        return None
    try:
        return unquote_to_bytes(found[1]).decode("utf-8")
    except UnicodeDecodeError:
        return None
