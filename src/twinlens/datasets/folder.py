"""Any folder of pictures, with or without captions.

A caption comes from a text file of the picture's name beside it (`cat.jpg`, `cat.txt`), or from a `metadata.csv` or
`metadata.jsonl` in the picture's folder or one above, which has pictures in `file_name`, relative to itself, and their
captions in `text` or `caption` (Hugging Face's ImageFolder). Metadata has precedence over text files, and a nearer
metadata file over one above.
"""

from __future__ import annotations

import csv
import io
import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from twinlens.core.arguments import as_path
from twinlens.core.types import Dataset, Sample, TwinlensError
from twinlens.datasets._files import check
from twinlens.media import finding
from twinlens.splits import connect

PROTOCOLS = ("captions", "grounded")
SPLITS = ("all",)
METRICS: tuple[str, ...] = ("hit@1", "hit@5", "hit@10", "map")
NOTE = (
    "A folder: the gallery is every picture, without its caption. Under `captions` a query is a caption, and relevant "
    "are the pictures that have it; under `grounded` a query is a picture with its caption, relevant are the other "
    "pictures with the same caption, and the picture itself is excluded."
)
CAPTION_KEYS = ("text", "caption")


def load(root: Path | str | None, split: str = "all", *, protocol: str = PROTOCOLS[0]) -> Dataset:
    """Load the pictures below `root`; ids are their paths relative to it.

    captions: a query is a caption alone. grounded: a query is a picture with its caption, if another picture has the
    same; its own entry is ignored. Captions are compared ignoring case. Groups join the pictures of a subfolder and
    those with the same caption; a picture directly in `root` is joined by its caption only. Without captions there are
    no queries. Raises TwinlensError when there is no such folder or no picture in it, or for a malformed metadata file.
    """
    check("folder", split=(split, SPLITS), protocol=(protocol, PROTOCOLS))
    if root is None:
        raise TwinlensError("say which folder holds the pictures: --root DIR")
    root = as_path("root", root)
    paths = {path.relative_to(root).as_posix(): path for path in finding.find(root)}
    texts = captions(root, list(paths.values()))
    captioned = {entry: texts[path] for entry, path in paths.items() if path in texts}
    same: dict[str, set[str]] = defaultdict(set)
    for entry, text in captioned.items():
        same[text.casefold()].add(entry)
    groups = connect({entry: _group_keys(entry, captioned.get(entry)) for entry in paths})
    grounded = protocol == "grounded"
    queries = {
        f"query-{entry}": (entry, text)
        for entry, text in captioned.items()
        if not grounded or len(same[text.casefold()]) > 1
    }
    return Dataset(
        queries=tuple(Sample(i, paths[entry] if grounded else None, text) for i, (entry, text) in queries.items()),
        gallery=tuple(Sample(entry, path) for entry, path in paths.items()),
        relevant={
            i: frozenset(same[text.casefold()] - ({entry} if grounded else set()))
            for i, (entry, text) in queries.items()
        },
        ignore={i: frozenset({entry}) for i, (entry, _) in queries.items()} if grounded else {},
        groups=groups | {i: groups[entry] for i, (entry, _) in queries.items()},
    )


def captions(root: Path, pictures: list[Path]) -> dict[Path, str]:
    """Read the captions of `pictures` (files below `root`): picture → caption, for those that have one.

    Metadata of other files is ignored. Raises TwinlensError for a malformed metadata file.
    """
    wanted = set(pictures)
    parents = {path.parent for path in pictures}
    folders = {above for parent in parents for above in (parent, *parent.parents) if above.is_relative_to(root)}
    texts: dict[Path, str] = {}
    for folder in sorted(folders):  # a folder after those above it, so that the nearest metadata wins
        texts |= {path: text for path, text in _metadata(folder) if path in wanted}
    for path in pictures:
        text_file = path.with_suffix(".txt")
        if path not in texts and text_file.is_file():
            texts[path] = _read(text_file)
    return {path: " ".join(text.split()) for path, text in texts.items() if text.strip()}


def _group_keys(entry: str, text: str | None) -> list[tuple[str, str]]:
    folder = Path(entry).parent.as_posix()
    keys = [] if folder == "." else [("folder", folder)]
    return keys if text is None else [*keys, ("caption", text.casefold())]


def _metadata(folder: Path) -> Iterator[tuple[Path, str]]:
    """Read (picture, caption) of a folder's metadata files."""
    for name, read in (("metadata.csv", _csv_rows), ("metadata.jsonl", _json_rows)):
        file = folder / name
        if not file.is_file():
            continue
        for number, row in read(file):
            key = next((key for key in CAPTION_KEYS if key in row), None)
            if "file_name" not in row or key is None:
                raise TwinlensError(f"{file}, row {number}: needs file_name and {' or '.join(CAPTION_KEYS)}")
            yield folder / str(row["file_name"]), str(row[key] or "")


def _csv_rows(file: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        yield from enumerate(csv.DictReader(io.StringIO(_read(file), newline="")), 1)
    except csv.Error as error:
        raise TwinlensError(f"{file} is not valid CSV: {error}") from error


def _json_rows(file: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(_read(file).split("\n"), 1):
        if line.strip():
            try:
                row = json.loads(line)
            except json.JSONDecodeError as error:
                raise TwinlensError(f"{file}, line {number} is not valid JSON: {error}") from error
            yield number, row if isinstance(row, dict) else {}


def _read(file: Path) -> str:
    """Read a text file; bytes that are not UTF-8 become �, so that one such letter does not stop a whole folder."""
    try:
        return file.read_bytes().decode("utf-8-sig", errors="replace")
    except OSError as error:
        raise TwinlensError(f"cannot read {file}: {error.strerror}") from error
