"""A record of a table or a JSON file as a caption: which column is the text, and how other values are stored."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from twinlens.media.fields import TAKEN, TAKEN_FROM

PATH_COLUMNS = ("file_name", "path", "file", "filename", "filepath", "file_path", "image_path", "image")
TEXT_COLUMNS = (
    *("text", "texts", "caption", "captions", "description", "sentence", "sentences", "raw", "prompt", "alt"),
    *("comment", "title"),
)
_IN_UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
MAX_DEPTH = 64
"""Levels of lists and objects in a value; SQLite reads no JSON that is much deeper."""


@dataclass(frozen=True)
class Caption:
    """The text that describes one picture from outside its file, and fields for filters."""

    text: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)


def of_record(record: Mapping[str, Any], *, skip: str | None, picture: str, no_texts: Collection[str] = ()) -> Caption:
    """Take a record's text from the first text column that has one, and the other columns as metadata.

    skip: a column to leave out; picture: the file's name, which is no text; no_texts: text columns that are only
    metadata. Raises ValueError for values that are nested too deep.
    """
    wanted = [name for name in TEXT_COLUMNS if name not in no_texts]
    texts = {k: record[k] for k in record if _plain(k) in wanted and _is_text(record[k], picture)}
    key = column(texts, wanted)
    fields = {clean(str(k)): _stored(v) for k, v in record.items() if k not in (skip, key)}
    empty = {k for k, v in fields.items() if not k or v is None or (v == "" and _plain(k) in TEXT_COLUMNS)}
    return Caption(_joined(texts[key]) if key else "", {k: v for k, v in fields.items() if k not in empty})


def join_captions(one: Caption, other: Caption) -> Caption:
    """Join two captions of a picture: all texts, so that each can be found, and of equal fields the first."""
    return Caption(_joined([one.text, other.text]), {**other.metadata, **one.metadata})


def dated(caption: Caption, source: str) -> Caption:
    """Add the source of the time at which a picture was taken, where there is a time and its source is not named.

    Of times in UTC, those that end with Z are written as conditions compare them, with +00:00.
    """
    taken = caption.metadata.get(TAKEN)
    if taken is None:
        return caption
    if isinstance(taken, str) and _IN_UTC.fullmatch(taken.strip()):
        taken = f"{taken.strip()[:-1]}+00:00"
    return Caption(caption.text, {TAKEN_FROM: source, **caption.metadata, TAKEN: taken})


def given_caption(texts: str | Sequence[str], metadata: Mapping[str, Any]) -> Caption:
    """Build the caption that a program gives: texts are joined, values stored as those of tables are.

    Raises ValueError for values that are nested too deep.
    """
    fields = {clean(key): _stored(value) for key, value in metadata.items()}
    kept = {key: value for key, value in fields.items() if key and value is not None}
    return dated(Caption(_joined(texts), kept), "given")


def column(record: Mapping[str, Any], wanted: Sequence[str]) -> str | None:
    """Find the first of the wanted columns that a record has, whatever its case."""
    plain = {_plain(name): name for name in reversed(list(record))}
    return next((plain[name] for name in wanted if name in plain), None)


def clean(text: str) -> str:
    """Put text on one line, its accents composed (NFC), without NUL and lone surrogates, which databases refuse."""
    plain = text.replace("\0", " ").encode("utf-8", "replace").decode("utf-8")
    return " ".join(unicodedata.normalize("NFC", plain).split())


def _joined(texts: str | Sequence[str]) -> str:
    """Join several texts to one, sentence after sentence; a text within another one adds nothing."""
    if isinstance(texts, str):
        return clean(texts)
    joined = ""
    for text in map(clean, texts):
        if text and text not in joined:
            joined += f"{'' if joined.endswith(('.', '!', '?')) else '.'} {text}" if joined else text
    return joined


def _is_text(value: object, picture: str) -> bool:
    if isinstance(value, list | tuple):
        return any(_is_text(one, picture) for one in value) and all(isinstance(one, str) for one in value)
    return isinstance(value, str) and bool(value.strip()) and value != picture  # some exports have the name as title


def _plain(name: object) -> str:
    return str(name).strip().lower()


def _stored(value: object, depth: int = 0) -> Any:
    """Return a value as JSON keeps it: text cleaned, NaN and infinities dropped, anything else (a date) as text."""
    if depth > MAX_DEPTH:
        raise ValueError(f"a value is nested more than {MAX_DEPTH} deep")
    match value:
        case None | bool() | int():
            return value
        case float():
            return value if math.isfinite(value) else None
        case Mapping():
            return {clean(str(key)): _stored(item, depth + 1) for key, item in value.items()}
        case list() | tuple():
            return [_stored(item, depth + 1) for item in value]
        case _ if hasattr(value, "tolist"):  # NumPy's numbers and arrays
            return _stored(value.tolist(), depth + 1)
        case _:
            return clean(str(value))
