"""`twinlens forget`: remove pictures from a collection, and from there alone."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from twinlens.commands import _collection, _common
from twinlens.core.counting import counted

HELP = "remove pictures from a collection; their files stay untouched"
EXAMPLES = """
twinlens forget ~/Pictures/private
twinlens forget ~/Pictures/a.jpg 1234 --collection ~/pictures.twin
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the pictures and the collection."""
    parser.add_argument("what", nargs="+", metavar="DIR|FILE|ID", help="folders, with all below them, files, and ids"
                        " that a search shows; they need not be there any more")  # fmt: skip
    _collection.add_collection(parser)
    _common.add_plugins(parser)


def run(args: argparse.Namespace) -> Mapping[str, object]:
    """Remove, and tell how many. Raises TwinlensError, and removes nothing, for what the collection does not have."""
    with _collection.open_collection(args) as collection:
        count, left = collection.forget(*args.what), len(collection)
    if _common.shows_view(args):
        _common.say(f"{counted(count, 'picture')} forgotten, {left:,} can be found in {args.collection}")
        _common.say("your own files are untouched; an index of their folder would bring them back")
    return {"collection": args.collection, "forgotten": count, "pictures": left}
