"""Items of the rows of a Hugging Face dataset, for `Collection.add`."""

from __future__ import annotations

from typing import Any

from twinlens.collection.items import Item
from twinlens.core import suggestions
from twinlens.core.types import TwinlensError
from twinlens.media.picture_rows import ALL, NUMBER, TEXT, RowPicture, kind_of, opened

COLUMNS = {"image": "image", "text": "text", "id": ""}
"""Columns by their meaning; without one for the id, it is "<split>-<row>"."""


def items_of(source: object, split: str = ALL, **columns: str) -> list[Item]:
    """Return an item for each row of a split; pictures are read as they are added.

    source: a folder of `save_to_disk`, a Parquet file or folder of such, a `Dataset` or `DatasetDict`. columns: the
    names of those with the image, the text and the id, "image" and "text" by default; a missing text column is no
    caption. Other columns of texts, numbers and truth values are metadata. Raises TwinlensError for what is not there.
    """
    if unknown := sorted(columns.keys() - COLUMNS.keys()):
        raise TwinlensError(f"no column {unknown[0]!r} is known; known: {', '.join(COLUMNS)}")
    image, text, ids = ({**COLUMNS, **columns}[key] for key in COLUMNS)
    rows = opened(source, split, pictures=(image,), texts=(text,) if "text" in columns else ())
    plain = [name for name, feature in rows.features.items() if kind_of(feature).startswith((*TEXT, *NUMBER))]
    if ids and ids not in plain:
        unknown_column = suggestions.unknown("column", ids, rows.column_names)
        raise TwinlensError(unknown_column if ids not in rows.column_names else f"the column {ids!r} holds no ids")
    found = []
    for number, row in enumerate(rows.select_columns(plain)):
        caption = str(row.pop(text, None) or "")
        name = str(row.pop(ids)) if ids else f"{split}-{number}"
        found.append(Item(name, RowPicture(rows, number, image), caption, _given(row)))
    return found


def _given(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if value is not None}
