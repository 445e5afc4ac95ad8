"""`twinlens verify`: check a collection's files, and the pictures themselves, for damage."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence

from twinlens.commands import _collection, _common
from twinlens.core.types import TwinlensError

HELP = "check every vector and file of a collection for damage"
EXAMPLES = """
twinlens verify
twinlens verify --collection ~/pictures.twin
twinlens verify --files
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the collection, and whether the pictures are read too."""
    _collection.add_collection(parser)
    parser.add_argument("--files", action="store_true", help="read the pictures too: which are gone, and which have"
                        " other content at the same size and time")  # fmt: skip


def run(args: argparse.Namespace) -> Mapping[str, object]:
    """Check everything. Raises TwinlensError (exit code 2), after printing every problem, when something is wrong."""
    with _collection.open_collection(args) as collection:
        problems, count = collection.verify(), len(collection)
        result: dict[str, object] = {"collection": args.collection, "ok": not problems, "problems": problems}
        lines: Sequence[str] = ()
        if args.files:
            files = collection.check_files(progress=_common.shows_view(args))
            lines, result["files"] = files.lines, vars(files)
            result["ok"] = not problems and not lines
    if _common.shows_view(args):
        for line in (*problems, *lines):
            _common.say(line)
        if args.files and files.newer:
            _common.say(f"{files.newer:,} pictures have another size or time than when they were indexed, and were not"
                        " compared: index their folders again")  # fmt: skip
    if not problems and not lines:
        if _common.shows_view(args):
            _common.say(f"{args.collection} is whole: {count:,} pictures")
        return result
    _common.emit(result, args)
    raise TwinlensError(_summary(args, problems, lines))


def _summary(args: argparse.Namespace, problems: Sequence[str], lines: Sequence[str]) -> str:
    """Count what is wrong, and name the cure of the collection's own problems."""
    own = f"{args.collection} has {len(problems)} problems; mend them with: twinlens repair" if problems else ""
    files = f"{len(lines):,} pictures are not as they were indexed" if lines else ""
    return "; ".join(part for part in (own, files) if part)
