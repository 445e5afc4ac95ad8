"""Arguments and output (a table, JSON) shared by all commands."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from twinlens.core.types import Sample, TwinlensError

if TYPE_CHECKING:
    import argparse

STDOUT = "-"


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add `--json [FILE]`; the frame does this for every command."""
    parser.add_argument(
        "--json",
        nargs="?",
        const=STDOUT,
        metavar="FILE",
        help="print the result as JSON instead of the table; with --json=FILE, write it there and print the table too",
    )


def shows_view(args: argparse.Namespace) -> bool:
    """Tell whether the command prints its human view: always, unless standard output carries the JSON."""
    return bool(args.json != STDOUT)


def emit(result: Mapping[str, object], args: argparse.Namespace) -> None:
    """Write a command's result where `--json` asks for it; numbers that JSON lacks (NaN, infinities) become null.

    Raises TwinlensError when the file cannot be written.
    """
    if args.json is None:
        return
    if args.json == STDOUT:
        sys.stdout.write(_dumped(result))
    else:
        write_json(result, Path(args.json))


def emit_line(result: Mapping[str, object], args: argparse.Namespace) -> None:
    """Write one of many results: a line of standard output, or in place of the one before in the file of `--json`."""
    if args.json == STDOUT:
        print(json.dumps(_jsonable(result), allow_nan=False), flush=True)
    else:
        emit(result, args)


def write_json(result: Mapping[str, object], path: Path) -> Path:
    """Write a result as a JSON file, and return its path. Raises TwinlensError when it cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_dumped(result), encoding="utf-8")
    except OSError as error:
        raise TwinlensError(f"cannot write the JSON to {path}: {error.strerror}") from error
    return path


def _dumped(result: Mapping[str, object]) -> str:
    return json.dumps(_jsonable(result), indent=2, allow_nan=False) + "\n"


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]], *, title: str = "") -> None:
    """Print a table on standard output, as wide as the terminal."""
    from twinlens.report.table import Table

    Table(columns, rows, title=title).print()


def existing_folder(path: str | Path) -> Path:
    """Return the folder as a path; fit for `type=` of an argument. Raises TwinlensError when there is none."""
    folder = Path(path).expanduser()
    if folder.is_dir():
        return folder
    if folder.exists():
        raise TwinlensError(f"{folder} is a file; give the folder that holds it")
    raise TwinlensError(f"no such folder: {folder}")


def add_query(parser: argparse.ArgumentParser) -> None:
    """Add `--image FILE` and `--text SENTENCE`, the two lenses of a query."""
    parser.add_argument("--image", type=Path, metavar="FILE", help="the picture to start from")
    parser.add_argument("--text", default="", metavar="SENTENCE", help="what the answers should look like, in words")


def query_sample(args: argparse.Namespace) -> Sample:
    """The query that `--image` and `--text` give. Raises TwinlensError when both are missing or no such file exists."""
    text = (args.text or "").strip()
    if args.image is None and not text:
        raise TwinlensError("give --image FILE, --text SENTENCE, or both")
    if args.image is None:
        return Sample(id="query", image=None, text=text)
    image = Path(args.image).expanduser()
    if not image.is_file():
        raise TwinlensError(f"no such picture: {image}")
    return Sample(id="query", image=image, text=text)


def _jsonable(value: object) -> object:
    match value:
        case Mapping():
            return {str(key): _jsonable(item) for key, item in value.items()}
        case list() | tuple():
            return [_jsonable(item) for item in value]
        case Path():
            return str(value)
        case float() if not math.isfinite(value):
            return None
        case _:
            return value
