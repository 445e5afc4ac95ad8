"""Queries of a demo with their right answers, asked of a collection, and the files that show what was found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from twinlens.commands import _collection
from twinlens.core.types import TwinlensError

if TYPE_CHECKING:
    from twinlens.collection import Collection
    from twinlens.collection.ingest import Report
    from twinlens.core.types import Hit, Sample
    from twinlens.report.grid import ResultRow


@dataclass(frozen=True)
class DemoQuery:
    """A query, the files that are right answers, and the words that count against an answer."""

    query: Sample
    answers: frozenset[str]
    without: tuple[str, ...] = ()

    def place(self, hits: Sequence[Hit]) -> int | None:
        """Return the rank of the first right answer, from 1 on; None when there is none among the hits."""
        return next((rank for rank, hit in enumerate(hits, 1) if file_name(hit) in self.answers), None)


def file_name(hit: Hit) -> str:
    """Return the name of a hit's file, by which answers are known."""
    return Path(str(hit.sample.image)).name


def index(collection: Collection, folder: Path, *, progress: bool) -> Report:
    """Index the pictures of a demo, tell how it went, and try again what failed in an earlier run.

    Raises TwinlensError where no picture can be searched, and KeyboardInterrupt where Ctrl-C ended it early: answers
    among a part of the pictures would pass for the demo's.
    """
    from twinlens.collection.ingest import Options

    report = collection.add(folder, options=Options(progress=progress, retry=True))
    if progress:
        _collection.print_report(report)
    if report.stopped:
        raise KeyboardInterrupt
    if not len(collection) and report.failed:
        raise TwinlensError(_collection.first_failure(report))
    return report


def ask(collection: Collection, asked: Sequence[DemoQuery], k: int) -> list[ResultRow]:
    """Search for every query; return its k best hits with it."""
    from twinlens.report.grid import ResultRow

    rows = []
    for one in asked:
        hits = collection.search(one.query.image, one.query.text, k=k, without=one.without)
        notes = tuple(f"without: {words}" for words in one.without)
        rows.append(ResultRow(one.query, hits, notes, hits.mean, hits.unit))
    return rows


def write_examples(collection: Collection, queries: Sequence[Sample]) -> None:
    """Write the queries as examples for the page, which names pictures by the ids of the collection."""
    from twinlens.collection.store.layout import EXAMPLES
    from twinlens.core import jsonfile

    images = [query.image and collection.search(query.image, k=1, with_self=True)[0].id for query in queries]
    examples = [{"image": image, "text": query.text} for image, query in zip(images, queries, strict=True)]
    jsonfile.write(examples, collection.folder / EXAMPLES)


def write_results(
    asked: Sequence[DemoQuery],
    rows: Sequence[ResultRow],
    folder: Path,
    *,
    drawn: Sequence[ResultRow],
    colors: int | None = None,
) -> tuple[Path, Path]:
    """Write a grid of the rows to be drawn, in so many colors, and a page of all rows; return both paths."""
    from twinlens.report.grid import result_grid
    from twinlens.report.page import result_page

    grid, page = folder / "results.png", folder / "results.html"
    right = {one.query.id: one.answers for one in asked}

    def is_right(query: Sample, hit: Hit) -> bool:
        return file_name(hit) in right[query.id]

    result_grid(drawn, grid, colors=colors, is_right=is_right)
    result_page(rows, page, title="A picture and a sentence", is_right=is_right)
    return grid, page


def next_commands(folder: Path, image: object, text: str) -> list[str]:
    """Return lines with the commands to go on with: on one's own pictures, and a query of the demo again."""
    collection = f"--collection {folder / 'collection'}"
    return [
        "",
        f"See {folder / 'results.png'} and {folder / 'results.html'}. Next, on your own pictures:",
        "",
        "  twinlens index DIR",
        '  twinlens search --image DIR/some.jpg --text "at night"',
        "  twinlens info",
        "",
        "Or ask the demo again:",
        "",
        f'  twinlens search {collection} --image {image} --text "{text}"',
        "",
        "Or in the browser, with pip install 'twinlens[serve]':",
        "",
        f"  twinlens serve {collection}",
    ]
