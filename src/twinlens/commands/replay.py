"""`twinlens replay`: repeat a receipt's search and list the changes since."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from twinlens.commands import _collection, _common
from twinlens.core.counting import counted
from twinlens.core.types import Different

if TYPE_CHECKING:
    from twinlens.collection.receipts import Replay

HELP = "repeat a receipt's search: exit code 0 if the ranking is the same, else 1, with the changes"
EXAMPLES = """
twinlens replay found.receipt
twinlens replay found.receipt --collection ~/copy.twin --json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the receipt, and the collection if it is elsewhere now."""
    parser.add_argument("receipt", type=Path, metavar="FILE", help="what twinlens search --receipt wrote")
    parser.add_argument("--collection", type=Path, metavar="DIR", help="the collection, if not where it was")
    _common.add_plugins(parser)


def run(args: argparse.Namespace) -> Mapping[str, object]:
    """Repeat and compare. Raises Different (exit code 1), after printing everything, when the ranking is another."""
    from twinlens.collection import receipts

    receipt = receipts.read(args.receipt.expanduser())
    args.collection = args.collection or Path(receipt["collection"]["folder"])
    args.runtime = receipt["model"].get("runtime", "auto")
    with _collection.open_collection(args) as collection:
        replay = receipts.replay(collection, receipt)
    result = {"receipt": args.receipt, "collection": args.collection, **vars(replay)}
    if _common.shows_view(args):
        _show(replay)
    if replay.same:
        return result
    _common.emit(result, args)
    raise Different("the search cannot be asked again" if replay.now is None else "the ranking is another")


def _show(replay: Replay) -> None:
    for line in replay.changes:
        _common.say(line)
    if replay.same:
        _common.say(f"the same ranking: {counted(len(replay.then), 'picture')} in the same order")
    elif replay.now is not None:
        ranks = {answer["hash"]: answer["rank"] for answer in replay.then}
        rows = [[a["rank"], ranks.get(a["hash"], "new"), f"{a['score']:.3f}", a["path"]] for a in replay.now]
        _common.print_table(["rank", "was", "score", "picture"], rows)
        gone = {answer["hash"] for answer in replay.now}
        lost = [[a["rank"], f"{a['score']:.3f}", a["path"]] for a in replay.then if a["hash"] not in gone]
        if lost:
            _common.print_table(["was", "score", "no longer among the answers"], lost)
