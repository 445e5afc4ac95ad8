"""Captions from tables: CSV, JSON lines and Parquet with a column of paths; and what a record's columns mean."""

from __future__ import annotations

import csv
import importlib
import io
import json
import math
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from twinlens.core.types import TwinlensError
from twinlens.media import sources

PATH_COLUMNS = ("file_name", "path", "file", "filename", "filepath", "file_path", "image_path", "image")
TEXT_COLUMNS = ("text", "caption", "description", "sentence", "prompt", "alt", "title")


@dataclass(frozen=True)
class Caption:
    """What is said of one picture outside its file: words, and fields for filters."""

    text: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)


def read_table(path: Path, root: Path | None = None) -> dict[str, Caption]:
    """Captions by absolute path, from a .csv, .tsv, .jsonl or .parquet file with a column of paths.

    Paths are relative to the table or, where `root` is given, to that folder. Raises TwinlensError: the table cannot be
    read, has no column of paths, or is Parquet and pyarrow is not installed.
    """
    found: dict[str, Caption] = {}
    bases = [str(base) for base in (path.resolve().parent, *([root] if root else []))]
    for record in records(path):
        where = _column(record, PATH_COLUMNS)
        if where is None:
            columns = ", ".join(map(str, list(record)[:12]))
            raise TwinlensError(f"{path} has no column of paths ({', '.join(PATH_COLUMNS)}); it has: {columns}")
        name = record[where]
        if isinstance(name, str) and name:
            said = of_record(record, skip=where, picture=Path(name).name)
            for base in bases:
                found.setdefault(os.path.normpath(os.path.join(base, name)), said)  # noqa: PTH118 - of every record
    return found


def records(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a table as they stand, by column. Raises TwinlensError as `read_table` does."""
    return _parquet(path) if path.suffix.lower() == ".parquet" else _text_rows(path)


def clean(text: str) -> str:
    """One line, and nothing that a database or a terminal stumbles over."""
    return " ".join(text.replace("\0", " ").encode("utf-8", "replace").decode("utf-8").split())


def _text_rows(path: Path) -> Iterator[dict[str, Any]]:
    try:
        with io.TextIOWrapper(sources.open_file(path), encoding="utf-8-sig", newline="") as file:
            yield from _json_lines(file, path) if path.suffix.lower() == ".jsonl" else _csv_rows(file, path)
    except OSError as error:
        raise TwinlensError(f"cannot read the captions {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise TwinlensError(f"cannot read the captions {path}: it is not UTF-8 ({error.reason})") from error


def _json_lines(lines: Iterable[str], path: Path) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise TwinlensError(f"{path}, line {number}: not valid JSON: {error}") from error
        if not isinstance(record, dict):
            raise TwinlensError(f"{path}, line {number}: not a JSON object")
        yield record


def _csv_rows(lines: Iterable[str], path: Path) -> Iterator[dict[str, Any]]:
    rows = iter(lines)
    header = next(rows, "")
    separator = max("\t;,", key=header.count)
    try:
        columns = next(csv.reader([header], delimiter=separator), [])
        for values in csv.reader(rows, delimiter=separator):
            yield dict(zip(columns, map(_typed, values), strict=False))
    except csv.Error as error:
        raise TwinlensError(f"cannot read the captions {path}: {error}") from error


def _parquet(path: Path) -> Iterator[dict[str, Any]]:
    try:
        parquet = importlib.import_module("pyarrow.parquet")
        arrow = importlib.import_module("pyarrow")
    except ImportError as error:
        hint = "install it with: pip install 'twinlens[parquet]', or save the table as CSV"
        raise TwinlensError(f"{path}: reading Parquet needs pyarrow; {hint}") from error
    try:
        with sources.open_file(path) as source, parquet.ParquetFile(source) as file:
            for batch in file.iter_batches():
                yield from batch.to_pylist()
    except (OSError, arrow.ArrowException) as error:
        raise TwinlensError(f"cannot read the captions {path}: {error}") from error


def _typed(value: str) -> str | int | float | None:
    """A CSV cell: a number if it is written as one ("007" is not), nothing if it is empty."""
    if re.fullmatch(r"-?(0|[1-9]\d{0,17})", value):
        return int(value)
    if re.fullmatch(r"-?(0|[1-9]\d*)\.\d+([eE][+-]?\d+)?", value):
        return float(value)
    return value or None


def of_record(record: Mapping[str, Any], *, skip: str | None, picture: str) -> Caption:
    """A record's words, from the first of its columns that has some, and the other columns as metadata."""
    texts = {k: record[k] for k in record if _plain(k) in TEXT_COLUMNS and _is_words(record[k], picture)}
    key = _column(texts, TEXT_COLUMNS)
    fields = {clean(str(k)): _stored(v) for k, v in record.items() if k not in (skip, key)}
    return Caption(clean(texts[key]) if key else "", {k: v for k, v in fields.items() if k and v is not None})


def _is_words(value: object, picture: str) -> bool:
    return isinstance(value, str) and bool(value.strip()) and value != picture  # some exports have the name as title


def _column(record: Mapping[str, Any], wanted: Sequence[str]) -> str | None:
    plain = {_plain(name): name for name in reversed(list(record))}
    return next((plain[name] for name in wanted if name in plain), None)


def _plain(name: object) -> str:
    return str(name).strip().lower()


def _stored(value: object) -> Any:
    """A value as JSON keeps it: text cleaned, numbers that JSON lacks dropped, anything else (a date) as text."""
    match value:
        case None | bool() | int():
            return value
        case float():
            return value if math.isfinite(value) else None
        case Mapping():
            return {clean(str(key)): _stored(item) for key, item in value.items()}
        case list() | tuple():
            return [_stored(item) for item in value]
        case _:
            return clean(str(value))
