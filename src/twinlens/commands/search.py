"""`twinlens search`: the pictures of a collection that suit a picture, a sentence, or both."""

from __future__ import annotations

import argparse
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twinlens.commands import _collection, _common, _preview
from twinlens.core import jsonfile
from twinlens.core.escaping import shortened
from twinlens.core.types import NEAR_DUPLICATE, Hit, Sample, TwinlensError

if TYPE_CHECKING:
    from twinlens.collection import Collection, Hits, SearchRequest
    from twinlens.report.grid import ResultRow

HELP = "find pictures in a collection by a picture, a sentence, or both"
EXAMPLES = """
twinlens search --text "a dog at night"
twinlens search --image a.jpg --text "at night" -k 20 --out results
twinlens search --image a.jpg --where 'year >= 2020 and tag = "red"' --without "people"
twinlens search --text "a dog" --where 'taken >= 2019-05 and taken < 2019-09' --in ~/Pictures --near 48.14,11.58,10
twinlens search --text "a dog" --export found.csv --export found/ --receipt found.receipt
"""
RESULTS = Path("twinlens-results")
CAPTION = 200
"""Characters of a caption in the table; the page has more, `--json` all."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the query, filters, and outputs."""
    _several(parser, "--image", "FILE", "the picture to start from", Path)
    _several(parser, "--text", "SENTENCE", "what the answers should look like")
    _several(parser, "--weight", "W", "how much each --image, then each --text counts; all are embedded alone", float)
    parser.add_argument("--balance", type=float, metavar="B", help="between the picture (0) and the words (1); in the"
        " middle (.5) they count as the model composes them")  # fmt: skip
    _several(parser, "--without", "SENTENCE", "what the answers should not look like")
    _several(parser, "--unlike", "ID", "a picture of the collection to stay away from")
    add = parser.add_argument
    add("--where", metavar="CONDITION", help='only pictures with such metadata: year >= 2020 and (tag = "a" or has b)')
    _several(parser, "--in", "FOLDER", "only pictures below this folder")
    add("--near", metavar="LAT,LON,KM", help="only pictures taken within so many kilometres of a place, in degrees; a"
        " southern one as --near=-33.9,151.2,5")  # fmt: skip
    add("--distinct", type=float, nargs="?", const=NEAR_DUPLICATE, metavar="COSINE", help="of pictures as alike as this"
        f" show the best only ({NEAR_DUPLICATE} if no number is given)")  # fmt: skip
    add("--with-self", action="store_true", help="let the picture of --image itself be among the answers")
    add("--rerank", metavar="NAME[=CHECKPOINT][:N]", help="reorder the first N answers (50) by a further"
        " stage, such as diverse, which spreads similar pictures out; none: not by the recipe's own")  # fmt: skip
    add("-k", type=int, default=10, metavar="N", help="how many answers (10)")
    add("--out", type=Path, metavar="DIR", help=f"gets result.png and result.html ({RESULTS}; none with --json)")
    add("--export", action="append", default=[], metavar="FILE|DIR/", help="write the answers: paths to a .txt,"
        " a .csv, .json, .html or .png file, or copies into a folder; may be repeated")  # fmt: skip
    add("--receipt", type=Path, metavar="FILE", help="write what was asked, of which model and pictures, and what was"
        " found; twinlens replay FILE asks it again")  # fmt: skip
    add("--preview", action=argparse.BooleanOptionalAction, help="show the answers' pictures in the terminal; by"
        " default where it says that it can (kitty, iTerm2, sixel)")  # fmt: skip
    _collection.add_collection(parser)
    _collection.add_runtime(parser)


def _several(parser: argparse.ArgumentParser, name: str, metavar: str, about: str, kind: type = str) -> None:
    about += "; may be repeated"
    parser.add_argument(name, action="append", default=[], type=kind, metavar=metavar, help=about)


def run(args: argparse.Namespace) -> Mapping[str, object]:
    """Search, show the hits, and write the files. Raises TwinlensError for a query without a picture or a text."""
    request = _request(args)
    _check_exports(args.export)
    with _collection.open_collection(args) as collection:
        if _draws(args):
            threading.Thread(target=_import_ahead, daemon=True).start()
        hits, receipt = _answer(collection, request, receipted=args.receipt is not None)
    if _common.shows_view(args):  # before the files: the reader need not wait for pictures to be drawn
        _show(hits, _why_nothing(args), counted=args.distinct is not None)
    records = _records(hits)
    files = _write(request, hits, records, args)
    if receipt is not None:
        files.append(jsonfile.write(receipt, args.receipt.expanduser()))
    if _common.shows_view(args):
        _show_files(files, args)
    query = {name: getattr(request, name) for name in ("images", "texts", "without", "unlike", "with_self")}
    return {
        "collection": args.collection,
        "query": {**query, "where": request.where, "within": request.within, "near": request.near},
        "chance": hits.chance,
        "doubtful": hits.doubtful,
        "hits": records,
        "files": files,
    }


def _request(args: argparse.Namespace) -> SearchRequest:
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


def _check_exports(targets: Sequence[str]) -> None:
    """Raise TwinlensError for a name that cannot be exported to, before the search and not after it."""
    if targets:
        from twinlens.report.export import writer_for

        for target in targets:
            writer_for(target)


def _answer(collection: Collection, request: SearchRequest, *, receipted: bool) -> tuple[Hits, dict[str, Any] | None]:
    if not receipted:
        return collection.answer(request), None
    from twinlens.collection import receipts

    return receipts.search(collection, request)


def _records(hits: Hits) -> list[dict[str, Any]]:
    from twinlens.collection.search import records

    return [records.to_json(hit) for hit in hits]


def _import_ahead() -> None:
    """Import the modules that draw the answers while the query's network loads, which keeps another core busy."""
    import rich.table  # noqa: F401

    import twinlens.report.grid
    import twinlens.report.page  # noqa: F401


def _picture(path: Path) -> Path:
    from twinlens.media import sources

    path = path.expanduser()
    if not sources.exists(path):
        raise TwinlensError(f"no such picture: {path}")
    return path


def _write(
    request: SearchRequest, hits: Hits, records: Sequence[Mapping[str, Any]], args: argparse.Namespace
) -> list[Path]:
    """Write the grid, the page and the exports; return their paths."""
    if not args.export and not (hits and _draws(args)):
        return []
    from twinlens.report.grid import ResultRow

    query = Sample("query", request.images[0] if request.images else None, " + ".join(request.texts))
    row = ResultRow(query, hits, _notes(request), hits.mean, hits.unit)
    files = _drawn(row, (args.out or RESULTS).expanduser()) if hits and _draws(args) else []
    if args.export:
        from twinlens.report.export import export

        files += [export(row, records, target) for target in args.export]
        for folder in (path for path in files if path.is_dir()):
            _keep_out(folder, "*")
    return files


def _notes(request: SearchRequest) -> tuple[str, ...]:
    """List what else a request asks for, as its options are called."""
    near = [] if request.near is None else ["{:g}, {:g}, within {:g} km".format(*request.near)]
    where = [] if request.where is None else [request.where]
    asked = {"without": request.without, "unlike": request.unlike, "where": where, "in": request.within, "near": near}
    return tuple(f"{name}: {', '.join(values)}" for name, values in asked.items() if values)


def _draws(args: argparse.Namespace) -> bool:
    """Return True if grid and page are written: always for a reader, for a program if it names their folder."""
    return args.out is not None or _common.shows_view(args)


def _drawn(row: ResultRow, folder: Path) -> list[Path]:
    from twinlens.report.grid import result_grid
    from twinlens.report.page import result_page

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TwinlensError(f"cannot make the folder {folder}: {error.strerror}") from error
    grid, page = folder / "result.png", folder / "result.html"
    result_grid([row], grid)
    result_page([row], page, title=row.query.text or "Pictures like this one")
    _keep_out(folder, f"/{grid.name}")
    return [grid, page]


def _keep_out(folder: Path, pattern: str) -> None:
    """Write a rule that keeps what a search has written out of later indexes of a folder around it."""
    from twinlens.media.exclusions import IGNORE_FILE

    path = folder / IGNORE_FILE
    with suppress(OSError, UnicodeDecodeError):  # without it the pictures are indexed
        lines = path.read_text("utf-8").splitlines() if path.exists() else ["# Written by twinlens search."]
        if pattern not in lines:
            path.write_text("\n".join([*lines, pattern, ""]), "utf-8")


def _show(hits: Hits, nothing: str, *, counted: bool) -> None:
    """Print the hits, or why there are none. counted: with the number of near-duplicates that each stands for."""
    if not hits:
        _common.say(nothing)
        return
    rows = [
        [hit.rank, f"{hit.score:.3f}", hit.sample.id, _shown(hit), shortened(hit.sample.text, CAPTION)]
        + ([len(hit.duplicates) or ""] if counted else [])
        + ([hit.because] if hit.why else [])
        for hit in hits
    ]
    more = [*(["alike"] if counted else []), *(["why"] if hits[0].why else [])]
    _common.print_table(["rank", "score", "id", "picture", "caption", *more], rows)
    if hits.seconds is not None:
        _common.say(f"reranking took {hits.seconds:.2f} s")
    elif hits.doubtful:  # else the stage has looked at more than the scores that the chance is of
        _common.say(f"nothing stands out (chance alone would do as well in {hits.chance:.0%} of cases): probably"
              " nothing matches, or else nearly everything does")  # fmt: skip
    sys.stdout.flush()


def _shown(hit: Hit) -> str:
    from twinlens.media import moments

    return moments.shown(hit.sample.image) if isinstance(hit.sample.image, Path) else ""


def _why_nothing(args: argparse.Namespace) -> str:
    """Return the reason why there is no answer."""
    if args.where or args.near or vars(args)["in"]:
        return "no picture meets the condition"
    if args.image and not args.with_self:
        return f"{args.collection} has no picture but the query's own, if any (--with-self shows it)"
    return f"{args.collection} has no pictures yet"


def _show_files(files: Sequence[Path], args: argparse.Namespace) -> None:
    if files and (args.preview or sys.stdout.isatty()):
        _preview.show(files[0], args)
    for file in files:
        _common.say(f"wrote {file}")
