"""`twinlens verify`: check a collection's files for damage."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from twinlens.commands import _collection, _common
from twinlens.core.types import TwinlensError

HELP = "check every vector and file of a collection for damage"
EXAMPLES = """
twinlens verify
twinlens verify --collection ~/pictures.twin
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the collection."""
    _collection.add_collection(parser)


def run(args: argparse.Namespace) -> Mapping[str, object]:
    """Check everything. Raises TwinlensError (exit code 2), after printing every problem, when something is wrong."""
    with _collection.open_collection(args) as collection:
        problems = collection.verify()
        result = {"collection": args.collection, "ok": not problems, "problems": problems}
        if not problems:
            if _common.shows_view(args):
                _common.say(f"{args.collection} is whole: {len(collection):,} pictures")
            return result
    if _common.shows_view(args):
        for line in problems:
            _common.say(line)
    _common.emit(result, args)
    raise TwinlensError(f"{args.collection} has {len(problems)} problems; mend them with: twinlens repair")
