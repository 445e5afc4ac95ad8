"""`twinlens search`: the pictures of a collection that suit a picture, a sentence, or both."""

from __future__ import annotations

import argparse
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twinlens.commands import _collection, _common, _preview
from twinlens.core import jsonfile
from twinlens.core.escaping import shortened
from twinlens.core.types import Hit, Sample

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
    _collection.add_query(parser)
    add = parser.add_argument
    add("-k", type=int, default=10, metavar="N", help="how many answers (10)")
    add("--out", type=Path, metavar="DIR", help=f"gets result.png and result.html ({RESULTS}; none with --json)")
    add("--export", action="append", default=[], metavar="FILE|DIR/", help="write the answers: paths to a .txt,"
        " a .csv, .json, .html or .png file, or copies into a folder; may be repeated")  # fmt: skip
    add("--receipt", type=Path, metavar="FILE", help="write what was asked, of which model and pictures, and what was"
        " found; twinlens replay FILE asks it again")  # fmt: skip
    add("--preview", action=argparse.BooleanOptionalAction, help="show the answers' pictures in the terminal; by"
        " default where it says that it can (kitty, iTerm2, sixel)")  # fmt: skip
    _collection.add_collection(parser)
    _common.add_plugins(parser)
    _collection.add_engine(parser)
    _collection.add_runtime(parser)


def run(args: argparse.Namespace) -> Mapping[str, object]:
    """Search, show the hits, and write the files. Raises TwinlensError for a query without a picture or a text."""
    load = _collection.preloaded(args)
    request = _collection.request_of(args)
    _check_exports(args.export)
    with _collection.open_collection(args, load) as collection:
        if _draws(args):
            threading.Thread(target=_import_ahead, daemon=True).start()
        hits, receipt = _answer(collection, request, receipted=args.receipt is not None)
    if _common.shows_view(args):  # before the files: the reader need not wait for pictures to be drawn
        _show(hits, _collection.why_nothing(args), counted=args.distinct is not None)
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
        "recall": hits.recall,
        "hits": records,
        "files": files,
    }


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


def _write(
    request: SearchRequest, hits: Hits, records: Sequence[Mapping[str, Any]], args: argparse.Namespace
) -> list[Path]:
    """Write the grid, the page and the exports; return their paths."""
    if not args.export and not (hits and _draws(args)):
        return []
    from twinlens.report.grid import ResultRow

    query = Sample("query", request.images[0] if request.images else None, " + ".join(request.texts))
    row = ResultRow(query, hits, _collection.notes(request), hits.mean, hits.unit)
    files = _drawn(row, (args.out or RESULTS).expanduser()) if hits and _draws(args) else []
    if args.export:
        from twinlens.report.export import export

        files += [export(row, records, target) for target in args.export]
        for folder in (path for path in files if path.is_dir()):
            _collection.keep_out(folder, "*")
    return files


def _draws(args: argparse.Namespace) -> bool:
    """Return True if grid and page are written: always for a reader, for a program if it names their folder."""
    return args.out is not None or _common.shows_view(args)


def _drawn(row: ResultRow, folder: Path) -> list[Path]:
    from twinlens.report.grid import result_grid
    from twinlens.report.page import result_page

    _collection.make_folder(folder)
    grid, page = folder / "result.png", folder / "result.html"
    result_grid([row], grid)
    result_page([row], page, title=row.query.text or "Pictures like this one")
    _collection.keep_out(folder, f"/{grid.name}")
    return [grid, page]


def _show(hits: Hits, nothing: str, *, counted: bool) -> None:
    """Print the hits, or why there are none. counted: with the number of near-duplicates that each stands for."""
    if not hits:
        _common.say(nothing)
        return
    explained = any(hit.why for hit in hits)
    rows = [
        [hit.rank, f"{hit.score:.3f}", hit.sample.id, _shown(hit), shortened(hit.sample.text, CAPTION)]
        + ([len(hit.duplicates) or ""] if counted else [])
        + ([hit.because] if explained else [])
        for hit in hits
    ]
    more = [*(["alike"] if counted else []), *(["why"] if explained else [])]
    _common.print_table(["rank", "score", "id", "picture", "caption", *more], rows)
    if hits.seconds is not None:
        _common.say(f"reranking took {hits.seconds:.3f} s")
    if hits.doubtful and hits[0].why.keys() <= {"query", "search"}:  # else a stage has looked at more than scores
        _common.say(f"nothing stands out (chance alone would do as well in {hits.chance:.0%} of cases): probably"
              " nothing matches, or else nearly everything does")  # fmt: skip
    if hits.recall is not None:
        _common.say(f"approximate: recall {hits.recall:.3f} measured on the collection's vectors; for certainty:"
                    " twinlens index DIR --index exact")  # fmt: skip
    sys.stdout.flush()


def _shown(hit: Hit) -> str:
    from twinlens.media import sources

    return sources.described(hit.sample.image) if isinstance(hit.sample.image, Path) else ""


def _show_files(files: Sequence[Path], args: argparse.Namespace) -> None:
    if files and (args.preview or sys.stdout.isatty()):
        _preview.show(files[0], args)
    for file in files:
        _common.say(f"wrote {file}")
