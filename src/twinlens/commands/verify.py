"""`twinlens verify`: check a collection's files, and the pictures themselves, for damage."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence

from twinlens.commands import _collection, _common
from twinlens.core.counting import counted
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
    _common.add_plugins(parser)
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
            has = counted(files.newer, "picture has", "pictures have")
            _common.say(f"{has} another size or time than when indexed, so that content was not compared: index again")
    if not problems and not lines:
        if _common.shows_view(args):
            _common.say(f"{args.collection} is whole: {counted(count, 'picture')}")
        return result
    _common.emit(result, args)
    raise TwinlensError(_summary(args, problems, lines))


def _summary(args: argparse.Namespace, problems: Sequence[str], lines: Sequence[str]) -> str:
    """Count the problems, and name the cure of the collection's own."""
    own = f"{args.collection} has {counted(len(problems), 'problem')}; {_cure(problems)}" if problems else ""
    files = counted(len(lines), "picture is not as it was indexed", "pictures are not as they were indexed")
    return "; ".join(part for part in (own, files if lines else "") if part)


def _cure(problems: Sequence[str]) -> str:
    """Name the cure of problems: no repair moves away what is not the collection's own."""
    from twinlens.collection.store import MOVE_AWAY

    by_hand = sum(line.endswith(MOVE_AWAY) for line in problems)
    if by_hand == len(problems):
        return f"repair cannot mend {'it' if by_hand == 1 else 'them'}: move away what is named above"
    if by_hand:
        return "move away what is named above, then mend the rest with: twinlens repair"
    model = " --model DIR" if any(line.endswith("--model DIR") for line in problems) else ""
    return f"mend {'it' if len(problems) == 1 else 'them'} with: twinlens repair{model}"
