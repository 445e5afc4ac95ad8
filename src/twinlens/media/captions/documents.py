"""Captions from JSON documents: COCO's, Karpathy's splits, lists of records, and texts by name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from twinlens.core.types import TwinlensError

_KNOWN = "COCO's {images, annotations}, a list of objects with a path and a text, or an object of texts by file name"


def rows(text: str, path: Path) -> Iterator[dict[str, Any]]:
    """Yield a document's pictures with their texts, as the rows of a table. Raises TwinlensError: not such a one."""
    try:
        content = json.loads(text) if text.strip() else []
    except RecursionError as error:
        raise TwinlensError(f"{path}: is nested too deep") from error
    except ValueError as error:
        raise TwinlensError(f"{path}: not valid JSON: {error}") from error
    match content:
        case {"images": list(images), "annotations": list(annotations)}:
            yield from _coco(images, annotations)
        case {"images": list(images)}:
            yield from map(_of_splits, filter(_is_object, images))
        case list():
            if not all(map(_is_object, content)):
                raise TwinlensError(f"{path}: holds a list of other things than objects; known: {_KNOWN}")
            yield from content
        case dict() if all(isinstance(value, str | list) for value in content.values()):
            yield from ({"file_name": name, "text": value} for name, value in content.items())
        case _:
            raise TwinlensError(f"{path}: is no JSON of captions; known: {_KNOWN}")


def _coco(images: list[Any], annotations: list[Any]) -> Iterator[dict[str, Any]]:
    """Yield COCO's pictures (https://cocodataset.org/#format-data), each with its captions.

    Then, without a name, the captions of every image that the document does not have or name.
    """
    texts: dict[Any, list[str]] = {}
    for one in filter(_is_object, annotations):
        if isinstance(one.get("caption"), str):
            texts.setdefault(str(one.get("image_id")), []).append(one["caption"])
    named = [one for one in filter(_is_object, images) if isinstance(one.get("file_name"), str)]
    for image in named:
        yield {"file_name": image["file_name"], "text": texts.get(str(image.get("id")), [])}
    known = {str(image.get("id")) for image in named}
    for missing in (image_id for image_id in texts if image_id not in known):
        yield {"file_name": None, "image_id": missing, "text": texts[missing]}


def _of_splits(image: dict[str, Any]) -> dict[str, Any]:
    """Return a picture of Karpathy and Fei-Fei's splits (2015): filename, and sentences with their raw text."""
    found = [one.get("raw") for one in image.get("sentences", []) if _is_object(one)]
    kept = {key: value for key, value in image.items() if key not in ("sentences", "sentids")}
    name = "/".join(filter(None, (str(kept.pop("filepath", "")), str(kept.pop("filename", "")))))
    return {**({"file_name": name} if name else {}), **kept, "text": [text for text in found if isinstance(text, str)]}


def _is_object(value: object) -> bool:
    return isinstance(value, dict)
