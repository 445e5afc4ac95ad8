"""The query of a search on the command line: its options, the request, and the folder that gets what is drawn."""

from __future__ import annotations

import argparse
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from twinlens.core.types import NEAR_DUPLICATE, TwinlensError

if TYPE_CHECKING:
    from twinlens.collection import SearchRequest


def add_query(parser: argparse.ArgumentParser) -> None:
    """Add pictures, sentences, what to stay away from, filters and reranking."""
    add = parser.add_argument
    _several(parser, "--image", "FILE", "the picture to start from", Path)
    _several(parser, "--text", "SENTENCE", "what the answers should look like")
    _several(parser, "--weight", "W", "how much each --image, then each --text counts; all are embedded alone", float)
    parser.add_argument("--balance", type=float, metavar="B", help="between the picture (0) and the words (1); in the"
        " middle (.5) they count as the model composes them")  # fmt: skip
    _several(parser, "--without", "SENTENCE", "what the answers should not look like")
    _several(parser, "--unlike", "ID", "a picture of the collection to stay away from")
    add("--where", metavar="CONDITION", help='only pictures with such metadata: year >= 2020 and (tag = "a" or has b)')
    _several(parser, "--in", "FOLDER", "only pictures below this folder")
    add("--near", metavar="LAT,LON,KM", help="only pictures taken within so many kilometres of a place, in degrees; a"
        " southern one as --near=-33.9,151.2,5")  # fmt: skip
    add("--distinct", type=float, nargs="?", const=NEAR_DUPLICATE, metavar="COSINE", help="of pictures as alike as this"
        f" show the best only ({NEAR_DUPLICATE} if no number is given)")  # fmt: skip
    add("--with-self", action="store_true", help="let the picture of --image itself be among the answers")
    add("--rerank", metavar="NAME[=CHECKPOINT][:N]", help="reorder the first N answers (50) by a further"
        " stage, such as diverse, which spreads similar pictures out; none: not by the recipe's own")  # fmt: skip


def _several(parser: argparse.ArgumentParser, name: str, metavar: str, about: str, kind: type = str) -> None:
    about += "; may be repeated"
    parser.add_argument(name, action="append", default=[], type=kind, metavar=metavar, help=about)


def request_of(args: argparse.Namespace) -> SearchRequest:
    """Build the request of the options. Raises TwinlensError without a picture and a text, and for a wrong option."""
    images, texts = [_picture(path) for path in args.image], [text for text in args.text if text.strip()]
    if not images and not texts:
        raise TwinlensError("give --image FILE, --text SENTENCE, or both")
    from twinlens.collection import SearchRequest

    return SearchRequest.of(
        images,
        texts,
        args.k,
        where=args.where,
        without=args.without,
        unlike=args.unlike,
        weights=args.weight or None,
        balance=args.balance,
        distinct=args.distinct,
        rerank=args.rerank,
        within=vars(args)["in"],
        near=args.near and _near(args.near),
        with_self=args.with_self,
    )


def _near(text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError as error:
        raise TwinlensError(f"--near wants LAT,LON,KM, such as 48.14,11.58,10, not {text!r}") from error


def _picture(path: Path) -> Path:
    from twinlens.media import sources

    path = path.expanduser()
    if not sources.exists(path):
        raise TwinlensError(f"no such picture: {path}")
    return path


def notes(request: SearchRequest) -> tuple[str, ...]:
    """List what else a request asks for, as its options are called."""
    near = [] if request.near is None else ["{:g}, {:g}, within {:g} km".format(*request.near)]
    where = [] if request.where is None else [request.where]
    asked = {
        "balance": [] if request.balance is None else [f"{request.balance:g}"],
        "weights": [f"{weight:g}" for weight in request.weights or ()],
        "without": request.without,
        "unlike": request.unlike,
        "where": where,
        "in": request.within,
        "near": near,
    }
    return tuple(f"{name}: {', '.join(values)}" for name, values in asked.items() if values)


def make_folder(folder: Path) -> None:
    """Make a folder for files that are drawn. Raises TwinlensError where that is impossible."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TwinlensError(f"cannot make the folder {folder}: {error.strerror}") from error


def keep_out(folder: Path, pattern: str) -> None:
    """Write a rule that keeps what a search has written out of later indexes of a folder around it."""
    from twinlens.media.exclusions import IGNORE_FILE

    path = folder / IGNORE_FILE
    with suppress(OSError, UnicodeDecodeError):  # without it the pictures are indexed
        lines = path.read_text("utf-8").splitlines() if path.exists() else ["# Written by twinlens search."]
        if pattern not in lines:
            path.write_text("\n".join([*lines, pattern, ""]), "utf-8")


def why_nothing(args: argparse.Namespace) -> str:
    """Return the reason why there is no answer."""
    if args.where or args.near or vars(args)["in"]:
        return "no picture meets the condition"
    if args.image and not args.with_self:
        return f"{args.collection} has no picture but the query's own, if any (--with-self shows it)"
    return f"{args.collection} has no pictures yet"
