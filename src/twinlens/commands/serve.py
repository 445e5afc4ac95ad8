"""`twinlens serve`: the REST service and the web page over collections."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from twinlens.commands import _collection, _common
from twinlens.core.types import TwinlensError

if TYPE_CHECKING:
    from twinlens.service.server import Address

HELP = "serve collections as a web page and a REST API"
EXAMPLES = """
twinlens serve
twinlens serve --collection photos --collection clipart --port 8000
TWINLENS_TOKEN=$(openssl rand -hex 32) twinlens serve --host 0.0.0.0 --allow-host pictures.example.org
"""
HOST, PORT, CACHE, WORKERS = "127.0.0.1", 8765, 4096, 2
TOKEN = "TWINLENS_TOKEN"
"""Environment variable of the token; a command line would show it to everybody on the machine."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the collections, the address, who may ask, and limits."""
    add = parser.add_argument
    add("--collection", type=Path, action="append", metavar="DIR",
        help=f"a collection's folder ({_collection.COLLECTION}); may be repeated")  # fmt: skip
    add("--host", default=HOST, metavar="ADDRESS", help=f"the address to listen at ({HOST}, this machine alone); any"
        " other takes a token")  # fmt: skip
    add("--port", type=int, default=PORT, metavar="N", help=f"the port, 0 for any that is free ({PORT})")
    add("--token-file", type=Path, metavar="FILE", help="a file with the token that requests must show; or"
        f" set {TOKEN}")  # fmt: skip
    add("--allow-host", action="append", default=[], metavar="NAME", help="a further name under which the service is"
        " reached; may be repeated")  # fmt: skip
    add("--writable", action="store_true", help="let requests add and remove pictures")
    add("--workers", type=int, default=WORKERS, metavar="N", help=f"processes that decode pictures ({WORKERS})")
    add("--cache", type=int, default=CACHE, metavar="N",
        help=f"embeddings of queries that stay in memory, 0 for none ({CACHE})")  # fmt: skip
    add("--log-queries", action="store_true", help="write the words of queries to the log")
    _collection.add_engine(parser)
    _common.add_plugins(parser)
    _collection.add_runtime(parser)


def run(args: argparse.Namespace) -> Mapping[str, object]:
    """Serve until Ctrl-C or SIGTERM. Raises TwinlensError for an address that takes a token, or cannot be had."""
    from twinlens.models import runtime
    from twinlens.service.settings import Settings

    settings = Settings(
        tuple(folder.expanduser() for folder in args.collection or [_collection.COLLECTION]),
        host=args.host,
        port=args.port,
        token=_token(args.token_file),
        hosts=tuple(args.allow_host),
        writable=args.writable,
        runtime=runtime.check_mode(args.runtime),
        cache=args.cache,
        workers=args.workers,
        log_queries=args.log_queries,
    )
    from twinlens.service.server import serve

    is_shown = _common.shows_view(args)
    serve(
        settings,
        engine=_collection.engine(args),
        listening=lambda address: _tell(address, settings.collections, args),
        ready=lambda: _common.say("ready") if is_shown else None,
    )
    args.json = None  # its line was written when the address was known
    return {}


def _token(path: Path | None) -> str | None:
    """Return the token of the file, else that of the environment; None without. Raises TwinlensError."""
    if path is None:
        return os.environ.get(TOKEN) or None
    try:
        token = path.expanduser().read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise TwinlensError(f"the token cannot be read from {path}: {getattr(error, 'strerror', error)}") from error
    if not token:
        raise TwinlensError(f"{path} is empty; write a token into it, such as the output of: openssl rand -hex 32")
    return token


def _tell(address: Address, collections: tuple[Path, ...], args: argparse.Namespace) -> None:
    if args.json is not None:
        _common.emit_line({"url": address.url, "host": address.host, "port": address.port}, args)
    if _common.shows_view(args):
        _common.say(f"serving {', '.join(map(str, collections))} at {address.url} (Ctrl-C ends it)")
