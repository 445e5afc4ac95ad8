"""`twinlens demo`: draw, index and search pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from twinlens.commands import _common

if TYPE_CHECKING:
    import argparse

    from twinlens.collection import Collection
    from twinlens.collection.model import Model
    from twinlens.core.types import Dataset, Hit, Sample
    from twinlens.report.grid import ResultRow

HELP = "draw pictures, index them, and search them with a picture and a sentence together, and with a sentence"
EXAMPLES = """
twinlens demo
twinlens demo --train --out my-demo
"""
SCENES, ASKED, BEST, DRAWN = 120, 5, 6, 3
"""Scenes that queries are about, half of them edited; queries of either kind; answers to each; those in the grid."""
TRAINED_ON, EPOCHS = 1500, 5


@dataclass(frozen=True)
class DemoQuery:
    """A query, and the files that are right answers."""

    query: Sample
    answers: frozenset[str]

    def place(self, hits: Sequence[Hit]) -> int | None:
        """Return the rank of the first right answer, from 1 on; None when there is none among the hits."""
        return next((rank for rank, hit in enumerate(hits, 1) if _name(hit) in self.answers), None)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the output folder, the seed, and training."""
    parser.add_argument("--out", type=Path, default=Path("twinlens-demo"), metavar="DIR", help="default: twinlens-demo")
    parser.add_argument(
        "--train", action="store_true", help="train the recipe compact here for a few minutes, not load `reading`"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="draws other scenes (default: 0)")


def run(args: argparse.Namespace) -> Mapping[str, object]:
    """Draw, train or load, index and search; steps of an earlier run are not repeated."""
    from twinlens.collection.ingest import Options
    from twinlens.report.grid import result_grid
    from twinlens.report.page import result_page

    progress = _common.shows_view(args)
    asked = _draw(args)
    with _opened(args) as collection:
        report = collection.add(args.out / "pictures", options=Options(progress=progress))
        rows = [_row(collection, one.query) for one in asked]
        _write_examples(collection, [one.query for one in asked])
        count = len(collection)
    grid, page = args.out / "results.png", args.out / "results.html"
    right = {one.query.id: one.answers for one in asked}

    def is_right(query: Sample, hit: Hit) -> bool:
        return _name(hit) in right[query.id]

    result_grid([row.first(DRAWN) for row in rows], grid, is_right=is_right)
    result_page(rows, page, title="A picture and a sentence", is_right=is_right)
    found = [one.place(row.hits) for one, row in zip(asked, rows, strict=True)]
    if progress:
        _show(args, rows, found)
    return {
        "pictures": count,
        "added": report.added,
        "queries": [
            {"image": one.query.image, "text": one.query.text, "answers": sorted(one.answers), "place": place}
            for one, place in zip(asked, found, strict=True)
        ],
        "grid": grid,
        "page": page,
    }


def _row(collection: Collection, query: Sample) -> ResultRow:
    from twinlens.report.grid import ResultRow

    hits = collection.search(query.image, query.text, k=BEST)
    return ResultRow(query, hits, mean=hits.mean, unit=hits.unit)


def _write_examples(collection: Collection, queries: Sequence[Sample]) -> None:
    """Write the queries as examples for the page, which names pictures by the ids of the collection."""
    from twinlens.collection.store.layout import EXAMPLES
    from twinlens.core import jsonfile

    images = [query.image and collection.search(query.image, k=1, with_self=True)[0].id for query in queries]
    examples = [{"image": image, "text": query.text} for image, query in zip(images, queries, strict=True)]
    jsonfile.write(examples, collection.folder / EXAMPLES)


def _draw(args: argparse.Namespace) -> list[DemoQuery]:
    """Draw scenes and their near-misses as PNG files; return queries with their answers: edits, then sentences."""
    from twinlens.datasets import shapes

    dataset = shapes.load(None, "test", protocol="all", scenes=SCENES, seed=args.seed)
    files = {entry.id: f"scene-{n:04d}.png" for n, entry in enumerate(dataset.gallery)}
    _save(dataset.gallery, [args.out / "pictures" / name for name in files.values()])
    edits = _varied(dataset, "edits")
    _save(edits, [args.out / "queries" / f"query-{n}.png" for n in range(1, len(edits) + 1)])
    queries = [replace(query, image=args.out / "queries" / f"query-{n}.png") for n, query in enumerate(edits, 1)]
    queries += [replace(query, image=None) for query in _varied(dataset, "grounded")]
    return [DemoQuery(query, frozenset(files[entry] for entry in _right(dataset, query))) for query in queries]


def _varied(dataset: Dataset, kind: str) -> list[Sample]:
    """Choose queries of a kind that begin with different words, those with the fewest answers."""
    queries = [query for query in dataset.queries if query.id.startswith(kind)]
    queries.sort(key=lambda query: len(_right(dataset, query)), reverse=True)
    return list({query.text.split()[0]: query for query in queries}.values())[-ASKED:]


def _right(dataset: Dataset, query: Sample) -> frozenset[str]:
    """Return the entries that answer a query; the scene that a sentence was made of is one of them."""
    return dataset.relevant[query.id] | dataset.ignore.get(query.id, frozenset())


def _save(samples: Sequence[Sample], paths: Sequence[Path]) -> None:
    from twinlens.media import images

    for sample, path in zip(samples, paths, strict=True):
        if not path.is_file() and sample.image is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            images.load(sample.image).save(path)


def _opened(args: argparse.Namespace) -> Collection:
    from twinlens.collection import Collection

    folder = args.out / "collection"
    return Collection.open(folder) if Collection.exists(folder) else Collection.create(folder, _model(args))


def _model(args: argparse.Namespace) -> Model:
    from twinlens.core.recipe import find_recipe
    from twinlens.datasets import shapes
    from twinlens.models import serving

    if not args.train:
        return serving.ready("reading")
    from twinlens.training.loop import train_recipe

    recipe, progress = find_recipe("compact"), _common.shows_view(args)
    brief = recipe.model_copy(update={"training": recipe.training.model_copy(update={"epochs": EPOCHS})})
    dataset = shapes.load(None, "train", protocol="edits", scenes=TRAINED_ON, seed=args.seed)
    composer, _ = train_recipe(brief, dataset, seed=args.seed, folder=args.out / "model", progress=progress)
    return composer


def _name(hit: Hit) -> str:
    return Path(str(hit.sample.image)).name


def _show(args: argparse.Namespace, rows: Sequence[ResultRow], found: Sequence[int | None]) -> None:
    table = [
        [r.query.text, "yes" if r.query.image else "", _name(r.hits[0]), r.hits[0].score, place or f"not in {BEST}"]
        for r, place in zip(rows, found, strict=True)
    ]
    _common.print_table(
        ["sentence", "with a picture", "best picture", "score", "right answer at"],
        table,
        title="A picture and a sentence",
    )
    first = rows[0].query
    again = f"twinlens search --collection {args.out / 'collection'} --image {first.image}"
    for line in (
        "",
        f"See {args.out / 'results.png'} and {args.out / 'results.html'}. Next, on your own pictures:",
        "",
        "  twinlens index DIR",
        '  twinlens search --image DIR/some.jpg --text "at night"',
        "  twinlens info",
        "",
        "Or ask the demo again:",
        "",
        f'  {again} --text "{first.text}"',
        "",
        "Or in the browser, with pip install 'twinlens[serve]':",
        "",
        f"  twinlens serve --collection {args.out / 'collection'}",
    ):
        _common.say(line)
