"""Export of a search's hits to a file or a folder; the name's suffix decides the format."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from twinlens.core import paths
from twinlens.core.counting import counted
from twinlens.core.escaping import escaped
from twinlens.core.reasons import in_words
from twinlens.core.types import TwinlensError
from twinlens.media import images, moments, sources
from twinlens.report.grid import ResultRow, result_grid
from twinlens.report.page import result_page

Record = Mapping[str, Any]
"""One hit: rank, id, score, path, caption, metadata."""
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""First characters of what spreadsheets run (OWASP, "CSV injection"), the wide ones in East Asian versions."""
_NUMBER = re.compile(r"[-+]?\d+(\.\d+)?([eE][-+]?\d+)?", re.ASCII)
# Lone surrogates, which no file holds, but for \udc80 to \udcff, which stand for bytes of file names.
_UNWRITABLE = re.compile("[\ud800-\udc7f\udd00-\udfff]")
KEPT = "\t\r\n" + "".join(map(chr, range(0xDC80, 0xDD00)))
"""Characters that cells keep of those that act elsewhere: tabs, line breaks, and bytes of names that are not UTF-8."""
Writer = Callable[[ResultRow, Sequence[Record], Path], None]


def writer_for(target: str) -> Writer:
    """Choose the writer for a target: .txt (paths), .csv, .json, .html, .png, or copies in a folder.

    Raises TwinlensError for another suffix, and for a folder that is not empty.
    """
    path = Path(target).expanduser()
    if target.endswith(("/", os.sep)) or path.is_dir() or not path.suffix:
        if path.is_dir() and any(path.iterdir()):
            raise TwinlensError(f"{path} is not empty; name a new folder for the copies")
        return _copies
    writer = WRITERS.get(path.suffix.lower())
    if writer is None:
        known = ", ".join(sorted(WRITERS))
        raise TwinlensError(f"cannot export to {path}: its name must end in one of {known}, or be a folder's (DIR/)")
    return writer


def export(row: ResultRow, records: Sequence[Record], target: str) -> Path:
    """Write hits, best first; records: one of each.

    Raises TwinlensError as `writer_for` does, and when the target cannot be written.
    """
    write, path = writer_for(target), Path(target).expanduser()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(row, records, path)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise TwinlensError(f"cannot export to {path}: {getattr(error, 'strerror', None) or error}") from error
    return path


def _paths(_row: ResultRow, records: Sequence[Record], path: Path) -> None:
    """Write a path per line, in the file system's bytes; for names with line breaks use .json."""
    path.write_bytes(b"".join(os.fsencode(record["path"]) + b"\n" for record in records))


def _csv(_row: ResultRow, records: Sequence[Record], path: Path) -> None:
    """Write RFC 4180; the names of the metadata are columns after the hit's own. No cell is a formula.

    Control and bidi characters are escaped, in names too (.txt and .json have those as they are); tabs and line breaks,
    which captions may have and CSV can quote, stay.
    """
    own = ["rank", "id", "score", "path", "caption", *(["why"] if any("why" in record for record in records) else [])]
    names = sorted({name for record in records for name in record["metadata"]})
    with path.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        table = csv.writer(file)
        table.writerow(map(_cell, [*own, *(f"metadata.{name}" if name in own else name for name in names)]))
        for record in records:
            said = {**record, "why": in_words(record.get("why", {}), record["rank"])}
            values = [*(said[name] for name in own), *(record["metadata"].get(name) for name in names)]
            table.writerow(map(_cell, values))


def _cell(value: object) -> object:
    """Return a value as CSV has it; what a spreadsheet would run as a formula begins with an apostrophe instead."""
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
        return value
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, Mapping | list | bool) else str(value)
    text = escaped(_UNWRITABLE.sub("\N{REPLACEMENT CHARACTER}", text), keep=KEPT)
    return f"'{text}" if text.startswith(FORMULA) and not _NUMBER.fullmatch(text) else text


def _json(_row: ResultRow, records: Sequence[Record], path: Path) -> None:
    plain = [{**record, "path": str(record["path"])} for record in records]
    path.write_text(json.dumps(plain, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def _html(row: ResultRow, _records: Sequence[Record], path: Path) -> None:
    result_page([row], path, title=row.query.text or "Pictures like this one")


def _png(row: ResultRow, _records: Sequence[Record], path: Path) -> None:
    result_grid([row], path)


def _copies(_row: ResultRow, records: Sequence[Record], folder: Path) -> None:
    """Copy pictures, named by rank; of a moment of a video its frame, as a PNG.

    Failures do not stop the other copies; the error names the first.
    """
    folder.mkdir(exist_ok=True)
    width, failed = max(3, len(str(len(records)))), list[str]()
    for record in records:
        source = Path(record["path"])
        try:
            _copy(source, folder, f"{record['rank']:0{width}}")
        except OSError as error:
            failed.append(f"{source}: {error.strerror}")
        except images.BadPicture as error:
            failed.append(str(error))
    if failed:
        share = f"{len(failed):,} of {counted(len(records), 'picture')}"
        raise TwinlensError(f"{share} could not be copied to {folder}: {failed[0]}")


def _copy(source: Path, folder: Path, rank: str) -> None:
    moment = moments.split(source)
    if moment is not None:
        with (folder / paths.storable(f"{rank}-{moment[0].stem}-{source.name}.png")).open("xb") as to:
            images.load(source).save(to, format="PNG")
        return
    with sources.open_file(source) as file, (folder / paths.storable(f"{rank}-{source.name}")).open("xb") as to:
        shutil.copyfileobj(file, to)


WRITERS: Mapping[str, Writer] = {".txt": _paths, ".csv": _csv, ".json": _json, ".html": _html, ".png": _png}
