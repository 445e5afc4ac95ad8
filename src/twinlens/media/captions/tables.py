"""Captions from tables: CSV, JSON lines and Parquet with a column of paths, within limits of size."""

from __future__ import annotations

import codecs
import csv
import io
import json
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from twinlens.core.types import TwinlensError
from twinlens.media import sources
from twinlens.media.captions import documents, parquet
from twinlens.media.captions.records import PATH_COLUMNS, TEXT_COLUMNS, Caption, column, join_captions, of_record

MAX_BYTES = 2**30
"""Bytes of a table, unpacked: what it holds is kept in memory."""
MAX_LINE = 2**24
"""Characters of a line, in which a row of numbers fits; a file without line breaks is no table."""
MAX_CELL = 131_072
"""Characters of a text in a row, which is also the limit of Python's reader of CSV."""
_BLANK = ' \t\r\n;,"'
"""Characters of a line of empty cells."""
_SEPARATOR = re.compile("sep=(.)", re.IGNORECASE)


def read_table(path: Path, root: Path | None = None, *, faults: list[str] | None = None) -> dict[str, Caption]:
    """Read captions by absolute path from a .csv, .tsv, .jsonl, .json or .parquet file with a column of paths.

    Paths are relative to the table or, where `root` is given, to that folder. All texts of rows that name the same
    picture are joined. Raises TwinlensError: the table cannot be read, has no column of paths, or is Parquet and
    pyarrow is not installed. faults: takes that line instead; the rows before the fault are returned.
    """
    found: dict[str, Caption] = {}
    try:
        _read_into(found, path, root)
    except TwinlensError as error:
        if faults is None:
            raise
        faults.append(f"{error}; {'the rows before that are used' if found else 'the table is not used'}")
    return found


def _read_into(found: dict[str, Caption], path: Path, root: Path | None) -> None:
    """Add a table's captions by the paths that its rows name: beside the table, its link's target, or the root."""
    places = bases(path, [root] if root else [])
    for number, where, record in named_rows(path):
        name = record[where]
        try:
            caption = of_record(record, skip=where, picture=Path(name).name)
        except ValueError as error:
            raise TwinlensError(f"{path}, row {number}: {error}") from error
        for place in places:
            full = os.path.normpath(os.path.join(place, name))  # noqa: PTH118 - of every record
            found[full] = join_captions(found[full], caption) if full in found else caption


def bases(table: Path, roots: Sequence[Path]) -> list[str]:
    """Return the folders that the paths in a table may be relative to: its own, its link's target's, and the roots."""
    # A linked table's own place and its target's: pictures below a linked folder are known by the link.
    places = (os.path.abspath(table), os.path.realpath(table))  # noqa: PTH100 - keeps links
    return list(dict.fromkeys([*map(os.path.dirname, places), *map(str, roots)]))


def named_rows(path: Path) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """Yield number, column of the path, and content of every row that names a file. Raises as `read_table` does."""
    for number, where, record in all_rows(path):
        if isinstance(record[where], str) and record[where]:
            yield number, where, record


def all_rows(path: Path) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """Yield number, column of the path, and content of every row, also of those without a path, as `named_rows`."""
    for number, record in enumerate(records(path), 1):
        where = column(record, PATH_COLUMNS)
        if where is None:
            columns = ", ".join(map(str, list(record)[:12]))
            raise TwinlensError(f"{path} has no column of paths ({', '.join(PATH_COLUMNS)}); it has: {columns}")
        yield number, where, record


def records(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of a table as they stand, by column. Raises TwinlensError as `read_table` does."""
    rows = _parquet_rows(path) if path.suffix.lower() == ".parquet" else _text_rows(path)
    for number, row in enumerate(rows, 1):
        for value in row.values():
            if isinstance(value, str) and len(value) > MAX_CELL:
                raise TwinlensError(f"{path}, row {number}: a text is longer than {MAX_CELL:,} characters")
        yield row


def _text_rows(path: Path) -> Iterator[dict[str, Any]]:
    try:
        if (size := sources.status(path).size) > MAX_BYTES:
            raise TwinlensError(f"cannot read the captions {path}: it has {size:,} bytes, more than {MAX_BYTES:,}")
        with (
            sources.open_file(path) as data,
            io.TextIOWrapper(data, encoding=encoding(data.peek(4)), newline="") as file,
        ):
            match path.suffix.lower():
                case ".json":
                    yield from documents.rows(file.read(), path)
                case ".jsonl":
                    yield from _json_lines(_lines(file, path), path)
                case _:
                    yield from _csv_rows(_lines(file, path), path)
    except OSError as error:
        raise TwinlensError(f"cannot read the captions {path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise TwinlensError(f"cannot read the captions {path}: {undecoded(error)}") from error
    except MemoryError as error:
        raise TwinlensError(f"cannot read the captions {path}: it needs too much memory") from error


def encoding(head: bytes) -> str:
    """Return the encoding of a text by its first four bytes: UTF-16 where a mark says so, else UTF-8."""
    return "utf-16" if head[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig"


def undecoded(error: UnicodeDecodeError) -> str:
    """Describe a text that is not in its encoding."""
    return f"it is not {error.encoding.upper()[:6].rstrip('-')} ({error.reason})"


def _lines(file: io.TextIOWrapper, path: Path) -> Iterator[str]:
    number = 0
    while line := file.readline(MAX_LINE):
        number += 1
        if len(line) == MAX_LINE:
            raise TwinlensError(f"{path}, line {number}: is longer than {MAX_LINE:,} characters")
        yield line


def _json_lines(lines: Iterator[str], path: Path) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except RecursionError as error:
            raise TwinlensError(f"{path}, line {number}: is nested too deep") from error
        except ValueError as error:
            raise TwinlensError(f"{path}, line {number}: not valid JSON: {error}") from error
        if not isinstance(record, dict):
            raise TwinlensError(f"{path}, line {number}: not a JSON object")
        yield record


def _csv_rows(lines: Iterator[str], path: Path) -> Iterator[dict[str, Any]]:
    header = next((line for line in lines if line.strip(_BLANK)), "")
    named = _SEPARATOR.fullmatch(header.strip())  # a line for spreadsheets, before the header
    if named:
        header = next((line for line in lines if line.strip(_BLANK)), "")
    separator = named[1] if named else max("\t;,", key=header.count)
    counted, values, number = _Quotes(lines), list[str](), 0
    try:
        columns = next(csv.reader([header], delimiter=separator), [])
        for number, values in enumerate(csv.reader(counted, delimiter=separator), 1):
            if any(values[len(columns) :]):
                values = _rejoined(values, columns, separator, f"{path}, row {number}")
            if any(values):
                yield dict(zip(columns, map(_typed, values), strict=False))
    except csv.Error as error:
        raise TwinlensError(f"cannot read the captions {path}: {error}") from error
    if counted.quotes % 2 and (any("\n" in value for value in values) or _is_open(counted.last, separator)):
        raise TwinlensError(f"{path}, row {number}: a quotation mark is opened and not closed before the table ends")


class _Quotes:
    """Passes lines on, counts the quotation marks in them, and keeps the last line."""

    def __init__(self, lines: Iterator[str]) -> None:
        self.lines, self.quotes, self.last = lines, 0, ""

    def __iter__(self) -> Iterator[str]:
        for line in self.lines:
            self.quotes, self.last = self.quotes + line.count('"'), line
            yield line


def _is_open(line: str, separator: str) -> bool:
    """Return True if a quoted cell of a line does not end."""
    try:
        list(csv.reader([line], delimiter=separator, strict=True))
    except csv.Error as error:
        return "unexpected end" in str(error)
    return False


def _rejoined(values: list[str], columns: list[str], separator: str, place: str) -> list[str]:
    """Join the cells of a text that has the separator in it and no quotes, where it is the row's last column.

    Raises TwinlensError where it may be another one.
    """
    if column({columns[-1]: None}, TEXT_COLUMNS) is None:
        fault = f"has {len(values)} cells, and the table {len(columns)} columns"
        raise TwinlensError(f"{place}: {fault}; put texts with {separator!r} in them into quotes")
    last = len(columns) - 1
    return [*values[:last], separator.join(values[last:])]


def _typed(value: str) -> str | int | float | None:
    """Convert a CSV cell: a number if it is written as one ("007" is not), None if it is empty."""
    if re.fullmatch(r"-?(0|[1-9]\d{0,17})", value):
        return int(value)
    if re.fullmatch(r"-?(0|[1-9]\d*)\.\d+([eE][+-]?\d+)?", value):
        return float(value)
    return value or None


def _parquet_rows(path: Path) -> Iterator[dict[str, Any]]:
    if not parquet.is_installed():
        hint = "install it with: pip install 'twinlens[parquet]', or save the table as CSV"
        raise TwinlensError(f"{path}: reading Parquet needs pyarrow; {hint}")
    try:
        sources.status(path)
        yield from parquet.rows(path, MAX_BYTES)
    except OSError as error:
        raise TwinlensError(f"cannot read the captions {path}: {error.strerror or error}") from error
    except parquet.Unreadable as error:
        raise TwinlensError(f"cannot read the captions {path}: {error}") from error
