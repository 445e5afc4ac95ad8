"""`twinlens compare`: train every fusion under the same conditions and test the differences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twinlens.commands import _common, _comparison, _dataset
from twinlens.core.types import TwinlensError

if TYPE_CHECKING:
    import argparse
    from types import ModuleType

    from twinlens.core.recipe import Recipe
    from twinlens.core.types import Dataset
    from twinlens.evaluation.comparison.compare import ComparisonSettings

HELP = "train every fusion under the same encoders, budget and seeds, and test the differences"
EXAMPLES = """
twinlens compare --dataset shapes --fusions all --out results
twinlens compare --fusions tirg,combiner,gate --repeats 3 --epochs 2
twinlens compare --dataset fashion_iq --root data/fashion_iq --train-split train --split val --recipe clip
"""
RECIPE, REPEATS = "towers", 5
PROTOCOL = {"shapes": "edits"}
"""Protocols of a comparison that are not the dataset's first."""
VALIDATION = {"shapes": "val"}
"""Splits by which learning rates are chosen; for other datasets groups of the training part are held out."""
VALIDATION_SHARE = 0.1
SIZES = {"shapes": {"train": ["scenes=4000", "texts=4"], "val": ["scenes=500"], "test": ["scenes=500"]}}
"""Options of datasets that are made on the spot, by split, unless `--data` says otherwise."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the dataset, the fusions, the recipe, and the outputs."""
    _dataset.add_dataset(parser, split="test")
    parser.add_argument(
        "--train-split", default="train", metavar="NAME", help="learn from this; the measured one is split by groups"
    )
    parser.add_argument(
        "--val-split", metavar="NAME", help="choose learning rates on this (default: groups held out of training)"
    )
    parser.add_argument(
        "--fusions",
        default="all",
        metavar="NAMES",
        help="all, or names with commas between, such as tirg,gate+residual",
    )
    _dataset.add_recipe(parser, f"the encoders and the training that all share (default: {RECIPE})")
    parser.set_defaults(recipe=RECIPE)
    parser.add_argument("--repeats", type=int, default=REPEATS, metavar="N", help=f"seeds per fusion ({REPEATS})")
    parser.add_argument("--rates", metavar="NUMBERS", help="learning rates to choose from; a single one is taken as is")
    parser.add_argument("--metric", metavar="NAME", help="what the table is ordered by; default: the dataset's first")
    parser.add_argument("--workers", type=int, metavar="N", help="runs at the same time (default: one per core)")
    parser.add_argument("--cache", type=Path, metavar="DIR", help="where features and unfinished runs are kept")
    parser.add_argument("--runs", type=Path, metavar="DIR", help="where finished runs are kept (default: in the cache)")
    parser.add_argument("--finished", action="store_true", help="train nothing; end with an error if a run is missing")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write results.json, table.md, chart.png there")


def run(args: argparse.Namespace) -> Mapping[str, object]:
    """Compare, print the table, write the files; finished runs are read instead of run again."""
    if args.repeats < 1:
        raise TwinlensError("--repeats wants a number from 1 on")
    recipe = _dataset.recipe_of(args)
    module, *datasets = _parts(args)  # a missing file is told before torch loads
    from twinlens.evaluation.comparison.compare import Parts, compare

    names = _rows(args.fusions, recipe)
    metrics: tuple[str, ...] = getattr(module, "METRICS", ("hit@1",))
    settings = _settings(args, names, args.metric or metrics[0])
    result = _conditions(args, recipe) | compare(recipe, Parts(*datasets), settings)
    if note := getattr(module, "NOTE", None):
        result["note"] = note
    result["reading"] = _comparison.reading(result)
    if _common.shows_view(args):
        _comparison.show(result)
    if args.out:
        _comparison.write(result, args.out)
    return result


def _settings(args: argparse.Namespace, names: Sequence[str], metric: str) -> ComparisonSettings:
    from twinlens.core import machine
    from twinlens.core.machine import default_cache
    from twinlens.evaluation.comparison.compare import ComparisonSettings

    cache = args.cache or default_cache()
    return ComparisonSettings(
        names=names,
        repeats=args.repeats,
        runs=args.runs or cache / "runs",
        cache=cache,
        metric=metric,
        rates=_numbers(args.rates),
        seed=args.seed,
        device=args.device,
        workers=args.workers or machine.cores(),
        finished_only=args.finished,
        progress=_common.shows_view(args),
    )


def _conditions(args: argparse.Namespace, recipe: Recipe) -> dict[str, Any]:
    """Return the settings that all runs share, for the result's JSON."""
    from twinlens.core import machine, plugins

    shared = {
        name: getattr(args, name) for name in ("dataset", "split", "train_split", "val_split", "protocol", "seed")
    }
    environment = machine.environment(args.device, precision=recipe.training.precision)
    content = {"recipe": recipe.name, "recipe_toml": recipe.to_toml(), "plugins": plugins.files_in_use()}
    return {**shared, **content, "environment": environment}


def _rows(text: str, recipe: Recipe) -> list[str]:
    """List the named rows, and load plug-ins among them; a file's row is called as the file.

    Raises TwinlensError for a name that is no fusion, or a switch that it lacks.
    """
    from twinlens.core import plugins
    from twinlens.evaluation.comparison import methods

    if text == "all":
        return methods.rows(recipe)
    parts = [name.strip().partition("+") for name in text.split(",") if name.strip()]
    names = [plugins.short(plugins.use("fusions", name)) + plus + switches for name, plus, switches in parts]
    if not names:
        raise TwinlensError("--fusions wants all, or names with commas between, such as tirg,combiner")
    for name in names:
        methods.fusion_part(recipe, name)
    return names


def _numbers(text: str | None) -> list[float]:
    """Read learning rates. Raises TwinlensError for anything but positive numbers."""
    try:
        rates = [float(number) for number in (text or "").split(",") if number.strip()]
    except ValueError:
        rates = [0.0]
    if any(not 0 < rate < float("inf") for rate in rates):
        raise TwinlensError("--rates wants positive numbers with commas between, such as 0.001,0.004")
    return rates


def _parts(args: argparse.Namespace) -> tuple[ModuleType, Dataset, Dataset, Dataset]:
    """Load the dataset's file, and its parts for training, validation and test.

    They are splits of their own, or groups held out of another part.
    """
    from twinlens import splits

    args.protocol = args.protocol or PROTOCOL.get(args.dataset)
    module, test = _dataset.load_dataset(_sized(args, args.split))
    if args.train_split == args.split:
        train, test = splits.hold_out(test, splits.TEST_SHARE, args.seed)
    else:
        train = _dataset.load_split(_sized(args, args.train_split), args.train_split)
    args.val_split = args.val_split or VALIDATION.get(args.dataset, args.train_split)
    if args.val_split in (args.split, args.train_split):
        train, validation = splits.hold_out(train, VALIDATION_SHARE, args.seed)
    else:
        validation = _dataset.load_split(_sized(args, args.val_split), args.val_split)
    return module, train, validation, test


def _sized(args: argparse.Namespace, split: str) -> argparse.Namespace:
    """Put a drawn dataset's usual size in front of the options of `--data`."""
    from argparse import Namespace

    usual = SIZES.get(args.dataset, {}).get(split, [])
    return Namespace(**{**vars(args), "data": [*usual, *args.data]})
