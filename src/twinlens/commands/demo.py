"""`twinlens demo`: draw, index and search pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from twinlens.commands import _common

if TYPE_CHECKING:
    import argparse

    from twinlens.collection import Collection
    from twinlens.core.types import Dataset, Hit, Sample
    from twinlens.models.composer import Composer

HELP = "draw pictures, index them, and search them with a picture and a sentence together"
EXAMPLES = """
twinlens demo
twinlens demo --train --out my-demo
"""
SCENES, ASKED, BEST = 60, 5, 6
TRAINED_ON, EPOCHS = 1500, 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the output folder, the seed, and training."""
    parser.add_argument("--out", type=Path, default=Path("twinlens-demo"), metavar="DIR", help="default: twinlens-demo")
    parser.add_argument(
        "--train", action="store_true", help="train the recipe compact here for a few minutes, not load the shipped one"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="draws other scenes (default: 0)")


def run(args: argparse.Namespace) -> Mapping[str, object]:
    """Draw, train or load, index and search; steps of an earlier run are not repeated."""
    from twinlens.collection.ingest import Options
    from twinlens.report.grid import result_grid
    from twinlens.report.page import result_page

    progress = _common.shows_view(args)
    queries, answers = _draw(args)
    with _opened(args) as collection:
        report = collection.add(args.out / "pictures", options=Options(progress=progress))
        rows = [(query, collection.search(query.image, query.text, k=BEST)) for query in queries]
        count = len(collection)
    grid, page = args.out / "results.png", args.out / "results.html"
    result_grid(rows, grid)
    result_page(rows, page, title="A picture and a sentence")
    found = [_place(hits, answers[query.id]) for query, hits in rows]
    if progress:
        _show(args, rows, found)
    return {
        "pictures": count,
        "added": report.added,
        "queries": [
            {"image": query.image, "text": query.text, "answer": answers[query.id], "place": place}
            for (query, _), place in zip(rows, found, strict=True)
        ],
        "grid": grid,
        "page": page,
    }


def _draw(args: argparse.Namespace) -> tuple[list[Sample], dict[str, str]]:
    """Draw scenes and their near-misses as PNG files; return the queries, and the file that answers each."""
    from dataclasses import replace

    from twinlens.datasets import shapes

    dataset = shapes.load(None, "test", protocol="edits", scenes=SCENES, seed=args.seed)
    files = {entry.id: f"scene-{n:03d}.png" for n, entry in enumerate(dataset.gallery)}
    _save(dataset.gallery, [args.out / "pictures" / name for name in files.values()])
    asked = _varied(dataset)
    queries = [replace(query, image=args.out / "queries" / f"query-{n}.png") for n, query in enumerate(asked, 1)]
    _save(asked, [args.out / "queries" / f"query-{n}.png" for n in range(1, len(asked) + 1)])
    return queries, {query.id: files[next(iter(dataset.relevant[query.id]))] for query in asked}


def _varied(dataset: Dataset) -> list[Sample]:
    """Choose the first query of each kind of edit, by the first word of its instruction."""
    return list({query.text.split()[0]: query for query in reversed(dataset.queries)}.values())[:ASKED]


def _save(samples: Sequence[Sample], paths: Sequence[Path]) -> None:
    from twinlens.media import images

    for sample, path in zip(samples, paths, strict=True):
        if not path.is_file() and sample.image is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            images.load(sample.image).save(path)


def _opened(args: argparse.Namespace) -> Collection:
    from twinlens.collection import Collection

    folder = args.out / "collection"
    return Collection.open(folder) if Collection.exists(folder) else Collection.create(folder, _composer(args))


def _composer(args: argparse.Namespace) -> Composer:
    from twinlens.core.recipe import find_recipe
    from twinlens.datasets import shapes
    from twinlens.models import pretrained
    from twinlens.training.loop import train_recipe

    if not args.train:
        return pretrained.ready("compact")
    recipe, progress = find_recipe("compact"), _common.shows_view(args)
    brief = recipe.model_copy(update={"training": recipe.training.model_copy(update={"epochs": EPOCHS})})
    dataset = shapes.load(None, "train", protocol="edits", scenes=TRAINED_ON, seed=args.seed)
    composer, _ = train_recipe(brief, dataset, seed=args.seed, folder=args.out / "model", progress=progress)
    return composer


def _place(hits: Sequence[Hit], answer: str) -> int | None:
    """Return the rank of the right answer, from 1 on; None when it is not among the hits."""
    names = [Path(str(hit.sample.image)).name for hit in hits]
    return names.index(answer) + 1 if answer in names else None


def _show(args: argparse.Namespace, rows: Sequence[tuple[Sample, Sequence[Hit]]], found: Sequence[int | None]) -> None:
    table = [
        [query.text, Path(str(hits[0].sample.image)).name, hits[0].score, place or f"not in {BEST}"]
        for (query, hits), place in zip(rows, found, strict=True)
    ]
    _common.print_table(
        ["sentence", "best picture", "score", "right answer at"], table, title="A picture and a sentence"
    )
    first = rows[0][0]
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
    ):
        _common.say(line)
