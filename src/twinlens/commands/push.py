"""`twinlens push`: a collection's vectors on a server, for searches with `--engine`."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from twinlens.commands import _collection, _common

HELP = "mirror a collection to a vector database that searches can use"
EXAMPLES = """
twinlens push --to postgresql://twinlens@db.example.org/pictures
twinlens push --collection photos --to 'postgresql://localhost/pictures?index=hnsw'
TWINLENS_MILVUS_TOKEN=... twinlens push --to milvus://milvus.example.org:19530
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the collection and the server."""
    _collection.add_collection(parser)
    parser.add_argument("--to", required=True, metavar="URL", help="postgresql://USER@HOST/DATABASE (with pgvector) or"
                        " milvus://HOST:PORT; ?index=hnsw for an approximate index")  # fmt: skip
    _collection.add_credentials(parser)


def run(args: argparse.Namespace) -> Mapping[str, object]:
    """Push what differs, and tell how both sides compare. Raises TwinlensError where they do not agree."""
    from twinlens.collection import remote

    folder, is_shown = args.collection.expanduser(), _common.shows_view(args)
    pushed = remote.push(folder, args.to, credentials=args.credentials_file, progress=is_shown)
    if is_shown:
        rate = f", {pushed.written / pushed.seconds:,.0f} rows/s" if pushed.written and pushed.seconds > 0 else ""
        _common.say(f"{pushed.written:,} rows written, {pushed.removed:,} removed ({pushed.seconds:.1f} s{rate})")
        _common.say(f"both sides have {pushed.count:,} rows, digest {pushed.digest}")
    return {"collection": folder, "to": args.to, **vars(pushed)}
