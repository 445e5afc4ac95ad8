"""`twinlens repair`: mend what `twinlens verify` finds."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from twinlens.commands import _collection, _common
from twinlens.core.counting import counted
from twinlens.core.types import TwinlensError

HELP = "mend a damaged collection: save its rows, make lost vectors again, rebuild its caches"
EXAMPLES = """
twinlens repair
twinlens repair --collection ~/pictures.twin --model models/mine
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the collection, and its model if that is lost."""
    _collection.add_collection(parser)
    _common.add_plugins(parser)
    parser.add_argument(
        "--model", type=Path, metavar="DIR", help="a copy of the collection's own model, to put it back"
    )


def run(args: argparse.Namespace) -> Mapping[str, object]:
    """Mend, also what cannot be opened any more, and print what was done and what is still wrong.

    Raises TwinlensError (exit code 2), after printing, when something is still wrong.
    """
    from twinlens.collection import Collection
    from twinlens.collection.ingest import Options
    from twinlens.models import serving

    folder = args.collection.expanduser()
    composer = None if args.model is None else serving.load(args.model.expanduser())
    repair = Collection.mend(folder, composer=composer, options=Options(progress=_common.shows_view(args)))
    left = _left(args)
    if _common.shows_view(args):
        for line in repair.done or ("nothing could be mended" if left else "there was nothing to mend",):
            _common.say(line)
        for line in left:
            _common.say(f"still wrong: {line}")
    result = {
        "collection": args.collection,
        "done": repair.done,
        "run": _collection.report_to_json(repair.embedded),
        "left": left,
    }
    if left:
        _common.emit(result, args)
        problems = counted(len(left), "problem")
        raise TwinlensError(f"{args.collection} still has {problems} that repair cannot mend by itself")
    return result


def _left(args: argparse.Namespace) -> list[str]:
    try:
        with _collection.open_collection(args) as collection:
            return collection.verify()
    except TwinlensError as error:
        return [str(error)]
