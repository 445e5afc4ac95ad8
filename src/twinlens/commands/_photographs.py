"""`twinlens demo --photographs`: index and search the photographs that ship, and count the right first answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from twinlens.commands import _common
from twinlens.commands._demo import DemoQuery, ask, file_name, index, next_commands, write_examples, write_results

if TYPE_CHECKING:
    import argparse

    from twinlens.collection import Collection
    from twinlens.core.types import Hit
    from twinlens.photographs import PhotographQuery
    from twinlens.report.table import Table

FOLDER = "photographs"
"""Folder of the demo, so that drawn pictures and photographs never share a collection."""
BEST, DRAWN = 6, 3
"""Answers to each query; those in the grid, which has the first query of each kind."""
COLORS = 192
"""Colors of the grid, whose file would be three times as large with all of them."""
ALL = "all"
"""Key of the share of all queries, beside those of each kind."""


class Found(NamedTuple):
    """A query, its best hit, and the rank of its first right answer; None if none is among the hits."""

    asked: PhotographQuery
    best: Hit
    place: int | None


def run(args: argparse.Namespace) -> Mapping[str, object]:
    """Copy, index and search the photographs in a folder of their own; write grid, page and table."""
    from twinlens.core.types import Sample
    from twinlens.photographs import KINDS, copy_pictures, load_queries

    progress, home = _common.shows_view(args), args.out / FOLDER
    copy_pictures(home / "pictures")
    queries = load_queries(home / "pictures")
    asked = [
        DemoQuery(Sample(f"{n}-{query.kind}", query.image, query.text), query.answers, query.without)
        for n, query in enumerate(queries)
    ]
    with _opened(home / "collection", report=_common.say if progress else str) as collection:
        report = index(collection, home / "pictures", progress=progress)
        rows = ask(collection, asked, BEST)
        write_examples(collection, [one.query for one in asked if not one.without])
        count = len(collection)
    kinds = [query.kind for query in queries]
    drawn = [rows[kinds.index(kind)].first(DRAWN) for kind in KINDS]
    grid, page = write_results(asked, rows, home, drawn=drawn, colors=COLORS)
    found = [
        Found(query, row.hits[0], one.place(row.hits)) for query, one, row in zip(queries, asked, rows, strict=True)
    ]
    table, first = home / "table.md", hit_at_1(found)
    table.write_text(_table(found).markdown(), encoding="utf-8")
    if progress:
        _show(found, first, home)
    return {
        "pictures": count,
        "added": report.added,
        "failed": report.failed,
        "queries": [_record(one) for one in found],
        "hit@1": first,
        "grid": grid,
        "page": page,
        "table": table,
    }


def hit_at_1(found: Sequence[Found]) -> dict[str, float]:
    """Return the share of queries with a right first answer: of each kind, and of all."""
    kinds = dict.fromkeys(one.asked.kind for one in found)
    parts = {kind: [one for one in found if one.asked.kind == kind] for kind in kinds} | {ALL: found}
    return {name: sum(one.place == 1 for one in part) / len(part) for name, part in parts.items()}


def _opened(folder: Path, *, report: Callable[[str], object]) -> Collection:
    from twinlens.collection import Collection
    from twinlens.models import serving

    if Collection.exists(folder):
        return Collection.open(folder)
    return Collection.create(folder, serving.ready("offline", report=report))


def _table(found: Sequence[Found]) -> Table:
    from twinlens.report.table import Table

    rows = [
        [
            one.asked.kind,
            one.asked.image.name if one.asked.image else "",
            one.asked.text,
            ", ".join(one.asked.without),
            file_name(one.best),
            ", ".join(sorted(one.asked.answers)),
            one.place or f"not in {BEST}",
        ]
        for one in found
    ]
    return Table(["kind", "picture", "words", "without", "first answer", "right answers", "right at"], rows)


def _record(one: Found) -> dict[str, object]:
    return {
        "kind": one.asked.kind,
        "image": one.asked.image,
        "text": one.asked.text,
        "without": one.asked.without,
        "answers": sorted(one.asked.answers),
        "first": file_name(one.best),
        "place": one.place,
    }


def _show(found: Sequence[Found], first: Mapping[str, float], folder: Path) -> None:
    table = _table(found)
    _common.print_table(table.columns, table.rows, title="Photographs")
    _common.say("right first answers (hit@1): " + ", ".join(f"{name} {share:.2f}" for name, share in first.items()))
    again = next(one.asked for one in found if one.asked.kind == "both")
    for line in next_commands(folder, again.image, again.text):
        _common.say(line)
