"""`twinlens mcp`: tools for assistants over standard input and output."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from twinlens.commands import _collection, _common

HELP = "let an assistant search collections, by the Model Context Protocol over standard input and output"
EXAMPLES = """
twinlens mcp --collection ~/pictures.twin
twinlens mcp --collection photos --collection clipart
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the collections."""
    parser.add_argument("--collection", type=Path, action="append", metavar="DIR",
                        help=f"a collection's folder ({_collection.COLLECTION}); may be repeated")  # fmt: skip
    _collection.add_runtime(parser)
    _common.add_plugins(parser)


def run(args: argparse.Namespace) -> Mapping[str, object]:
    """Answer until the assistant leaves. Raises TwinlensError for a folder that is no collection."""
    from twinlens.models import runtime
    from twinlens.service import assistant

    load = partial(runtime.load, mode=runtime.check_mode(args.runtime))
    assistant.serve([folder.expanduser() for folder in args.collection or [_collection.COLLECTION]], load)
    args.json = None  # standard output is the assistant's
    return {}
