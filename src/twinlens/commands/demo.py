"""`twinlens demo`: draw, index and search pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from twinlens.commands import _common, _photographs
from twinlens.commands._demo import DemoQuery, ask, file_name, index, next_commands, write_examples, write_results
from twinlens.core.types import TwinlensError

if TYPE_CHECKING:
    import argparse

    from twinlens.collection import Collection
    from twinlens.collection.model import Model
    from twinlens.core.types import Dataset, Sample
    from twinlens.report.grid import ResultRow

HELP = "draw pictures, or take photographs, index them, and search them with a picture and a sentence together"
EXAMPLES = """
twinlens demo
twinlens demo --photographs
twinlens demo --train --out my-demo
"""
SCENES, ASKED, BEST, DRAWN = 120, 5, 6, 3
"""Scenes that queries are about, half of them edited; queries of either kind; answers to each; those in the grid."""
TRAINED_ON, EPOCHS = 1500, 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the output folder, the photographs, the seed, and training."""
    parser.add_argument("--out", type=Path, default=Path("twinlens-demo"), metavar="DIR", help="default: twinlens-demo")
    parser.add_argument(
        "--photographs", action="store_true", help="take photographs that ship, not drawn pictures; needs the extra"
        " `offline`")  # fmt: skip
    parser.add_argument(
        "--train", action="store_true", help="train the recipe compact here for a few minutes, not load `reading`"
    )
    parser.add_argument("--seed", type=int, metavar="N", help="draws other scenes (default: 0)")


def run(args: argparse.Namespace) -> Mapping[str, object]:
    """Draw, train or load, index and search; steps of an earlier run are not repeated."""
    if args.photographs:
        if args.train or args.seed is not None:
            raise TwinlensError("--train and --seed are for drawn scenes; leave them out with --photographs")
        return _photographs.run(args)
    return _run_drawn(args)


def _run_drawn(args: argparse.Namespace) -> Mapping[str, object]:
    progress = _common.shows_view(args)
    asked = _draw(args)
    with _opened(args) as collection:
        report = index(collection, args.out / "pictures", progress=progress)
        rows = ask(collection, asked, BEST)
        write_examples(collection, [one.query for one in asked])
        count = len(collection)
    grid, page = write_results(asked, rows, args.out, drawn=[row.first(DRAWN) for row in rows])
    found = [one.place(row.hits) for one, row in zip(asked, rows, strict=True)]
    if progress:
        _show(args, rows, found)
    return {
        "pictures": count,
        "added": report.added,
        "failed": report.failed,
        "queries": [
            {"image": one.query.image, "text": one.query.text, "answers": sorted(one.answers), "place": place}
            for one, place in zip(asked, found, strict=True)
        ],
        "grid": grid,
        "page": page,
    }


def _draw(args: argparse.Namespace) -> list[DemoQuery]:
    """Draw scenes and their near-misses as PNG files; return queries with their answers: edits, then sentences."""
    from twinlens.datasets import shapes

    dataset = shapes.load(None, "test", protocol="all", scenes=SCENES, seed=args.seed or 0)
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
    from twinlens.core.atomic import whole_file
    from twinlens.media import images

    for sample, path in zip(samples, paths, strict=True):
        if not path.is_file() and sample.image is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            with whole_file(path) as draft:  # a run that is stopped leaves no half of a picture
                images.load(sample.image).save(draft, format="PNG")


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
    dataset = shapes.load(None, "train", protocol="edits", scenes=TRAINED_ON, seed=args.seed or 0)
    composer, _ = train_recipe(brief, dataset, seed=args.seed or 0, folder=args.out / "model", progress=progress)
    return composer


def _show(args: argparse.Namespace, rows: Sequence[ResultRow], found: Sequence[int | None]) -> None:
    table = [
        [r.query.text, "yes" if r.query.image else "", file_name(r.hits[0]), r.hits[0].score, place or f"not in {BEST}"]
        for r, place in zip(rows, found, strict=True)
    ]
    _common.print_table(
        ["sentence", "with a picture", "best picture", "score", "right answer at"],
        table,
        title="A picture and a sentence",
    )
    for line in next_commands(args.out, rows[0].query.image, rows[0].query.text):
        _common.say(line)
