"""Triplets or captioned pictures as Hugging Face `datasets` has them: a folder of `save_to_disk`, or Parquet files."""

from __future__ import annotations

from typing import Any

from twinlens.core.types import Dataset, Sample, TwinlensError
from twinlens.datasets._files import check
from twinlens.media.picture_rows import ALL, RowPicture, opened
from twinlens.media.sources import EncodedPicture
from twinlens.splits import connect

PROTOCOLS = ("composed", "captions")
SPLITS = (ALL,)
"""Of a source without splits; others name their own."""
METRICS: tuple[str, ...] = ("hit@1", "hit@5", "hit@10", "map")
NOTE = (
    "Rows of a Hugging Face dataset. Under `composed` a row is a query of a picture and a text, and its target; the "
    "gallery is every different picture of the split, and the query's own picture is excluded. Under `captions` a "
    "row is a picture and its caption, and the query is the caption alone. Pictures are the same where their files are."
)


def load(
    root: object,
    split: str = ALL,
    *,
    protocol: str = PROTOCOLS[0],
    query_image: str = "query_image",
    text: str = "text",
    target_image: str = "target_image",
    image: str = "image",
) -> Dataset:
    """Load a split; the other options name columns. root: a path, or a `Dataset` or `DatasetDict` of the package.

    Query ids are "q<row>", gallery ids the content hashes of the pictures' files. Groups join rows that share a
    picture. Raises TwinlensError for a source, split or column that is not there.
    """
    check("huggingface", protocol=(protocol, PROTOCOLS))
    if root is None:
        raise TwinlensError("huggingface needs the dataset's folder or Parquet file (--root)")
    columns = (query_image, target_image) if protocol == "composed" else (image,)
    rows = opened(root, split, pictures=columns, texts=(text,))
    pictures: dict[str, RowPicture] = {}
    queries, relevant, ignore, keys = [], {}, {}, {}
    for number, sentence in enumerate(rows.select_columns([text])[text]):
        ids = [_digest(pictures, rows, number, column) for column in columns]
        query, shown = f"q{number}", pictures[ids[0]] if protocol == "composed" else None
        queries.append(Sample(query, shown, str(sentence or "")))
        relevant[query], keys[query] = frozenset(ids[-1:]), ids
        if shown is not None:
            ignore[query] = frozenset(ids[:1])
    groups = connect(keys | {entry: [entry] for entry in pictures})
    gallery = tuple(Sample(entry, picture) for entry, picture in pictures.items())
    return Dataset(tuple(queries), gallery, relevant, ignore, groups)


def _digest(pictures: dict[str, RowPicture], rows: Any, number: int, column: str) -> str:
    """Return the content hash of a row's picture, which the first one of its content stands for."""
    picture = RowPicture(rows, number, column)
    found = EncodedPicture(picture.data).digest.hex()
    pictures.setdefault(found, picture)
    return found
