"""Arguments and output (a table, JSON) shared by all commands."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from twinlens.core import jsonfile
from twinlens.core.escaping import escaped
from twinlens.core.types import TwinlensError

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


def add_plugins(parser: argparse.ArgumentParser) -> None:
    """Add `--allow-plugin`, for commands that open models or collections."""
    parser.add_argument("--allow-plugin", action="append", default=[], metavar="NAME", help="let a model or collection"
                        " run this plug-in, which it names: an entry point, or the path of a file; may be"
                        " repeated")  # fmt: skip


def check_json(args: argparse.Namespace) -> None:
    """Raise TwinlensError for a file of `--json` that cannot be written, before the command runs and not after it."""
    if args.json not in (None, STDOUT):
        jsonfile.check(Path(args.json).expanduser())


def shows_view(args: argparse.Namespace) -> bool:
    """Return True if the command prints its human view: always, unless standard output carries the JSON."""
    return bool(args.json != STDOUT)


def emit(result: Mapping[str, object], args: argparse.Namespace) -> None:
    """Write a command's result where `--json` asks for it; numbers that JSON lacks (NaN, infinities) become null.

    Raises TwinlensError when the file cannot be written.
    """
    if args.json is None:
        return
    if args.json == STDOUT:
        sys.stdout.write(jsonfile.dumps(result, indent=2) + "\n")
    else:
        jsonfile.write(result, Path(args.json).expanduser())


def emit_line(result: Mapping[str, object], args: argparse.Namespace) -> None:
    """Write one of many results: a line of standard output, or in place of the one before in the file of `--json`."""
    if args.json == STDOUT:
        print(jsonfile.dumps(result), flush=True)
    else:
        emit(result, args)


def say(line: str = "", *, to_errors: bool = False) -> None:
    """Print a line, `escaped`, at once: names, captions and reasons in it can come from anywhere."""
    print(escaped(line), file=sys.stderr if to_errors else sys.stdout, flush=True)


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
