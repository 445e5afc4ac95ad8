"""`twinlens compare`: train every fusion under the same conditions and test the differences."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twinlens.commands import _common, _data
from twinlens.core import jsonfile
from twinlens.core.types import TwinlensError

if TYPE_CHECKING:
    import argparse
    from types import ModuleType

    from twinlens.core.recipe import Recipe
    from twinlens.core.types import Dataset

HELP = "train every fusion under the same encoders, budget and seeds, and test the differences"
EXAMPLES = """
twinlens compare --dataset shapes --fusions all --out results
twinlens compare --fusions tirg,combiner,gate --repeats 3 --epochs 2
twinlens compare --dataset fashion_iq --root data/fashion_iq --train-split train --split val --recipe clip
"""
RECIPE, REPEATS, LEVEL = "towers", 5, 0.05
PROTOCOL = {"shapes": "edits"}
"""Protocols of a comparison that are not the dataset's first."""
SIZES = {"shapes": {"train": ["scenes=4000", "texts=4"], "val": ["scenes=500"], "test": ["scenes=500"]}}
"""Options of datasets that are made on the spot, by split, unless `--data` says otherwise."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the dataset, the fusions, the recipe, and the outputs."""
    _data.add_dataset(parser, split="test")
    parser.add_argument(
        "--train-split", default="train", metavar="NAME", help="learn from this; the measured one is split by groups"
    )
    parser.add_argument("--fusions", default="all", metavar="NAMES", help="all, or names with commas between")
    _data.add_recipe(parser, f"the encoders and the training that all share (default: {RECIPE})")
    parser.set_defaults(recipe=RECIPE)
    parser.add_argument("--repeats", type=int, default=REPEATS, metavar="N", help=f"seeds per fusion ({REPEATS})")
    parser.add_argument("--metric", metavar="NAME", help="what the table is ordered by; default: the dataset's first")
    parser.add_argument("--workers", type=int, metavar="N", help="runs at the same time (default: one per core)")
    parser.add_argument("--cache", type=Path, metavar="DIR", help="where features and finished runs are kept")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write results.json, table.md, chart.png there")


def run(args: argparse.Namespace) -> Mapping[str, object]:
    """Compare, print the table, write the files; finished runs are read instead of run again."""
    from twinlens.core import machine
    from twinlens.core.cache import default_cache
    from twinlens.evaluation.comparison.compare import compare

    if args.repeats < 1:
        raise TwinlensError("--repeats wants a number from 1 on")
    names, recipe = _fusions(args.fusions), _data.recipe_of(args)
    module, train, test = _datasets(args)
    metrics = tuple(getattr(module, "METRICS", ("hit@1", "hit@5", "hit@10")))
    cache = args.cache or default_cache()
    result = _conditions(args, recipe) | compare(
        recipe,
        train,
        test,
        names=names,
        repeats=args.repeats,
        folder=cache / "runs",
        cache=cache / "features",
        metric=args.metric or metrics[0],
        ks=_cut_offs(metrics),
        seed=args.seed,
        device=args.device,
        workers=args.workers or machine.cores(),
        progress=_common.shows_view(args),
    )
    if note := getattr(module, "NOTE", None):
        result["note"] = note
    result["reading"] = _reading(result)
    if _common.shows_view(args):
        _show(result)
    if args.out:
        _write(result, args.out)
    return result


def _conditions(args: argparse.Namespace, recipe: Recipe) -> dict[str, Any]:
    """Return what all runs have in common, for the result's JSON."""
    from twinlens.core import machine

    shared = {name: getattr(args, name) for name in ("dataset", "split", "train_split", "protocol", "seed")}
    environment = machine.environment(args.device, precision=recipe.training.precision)
    return {**shared, "recipe": recipe.name, "environment": environment}


def _fusions(text: str) -> list[str]:
    """List the named fusions. Raises TwinlensError for a name that is no fusion."""
    from twinlens.evaluation.comparison import methods

    if text == "all":
        return methods.fusions()
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise TwinlensError("--fusions wants all, or names with commas between, such as tirg,combiner")
    for name in names:
        methods.check(name)
    return names


def _datasets(args: argparse.Namespace) -> tuple[ModuleType, Dataset, Dataset]:
    """Load the dataset's file, its training part and its test part: two splits, or one split by groups."""
    args.protocol = args.protocol or PROTOCOL.get(args.dataset)
    module, test = _data.load_dataset(_sized(args, args.split))
    args.protocol = args.protocol or module.PROTOCOLS[0]
    if args.train_split != args.split:
        return module, _data.load_split(_sized(args, args.train_split), args.train_split), test
    from twinlens import splits

    train, test = splits.hold_out(test, splits.TEST_SHARE, args.seed)
    return module, train, test


def _sized(args: argparse.Namespace, split: str) -> argparse.Namespace:
    """Put a drawn dataset's usual size in front of the options of `--data`."""
    from argparse import Namespace

    usual = SIZES.get(args.dataset, {}).get(split, [])
    return Namespace(**{**vars(args), "data": [*usual, *args.data]})


def _cut_offs(metrics: tuple[str, ...]) -> tuple[int, ...]:
    """List the k of every metric@k that the dataset names, and 1, 5 and 10."""
    return tuple(sorted({1, 5, 10, *(int(found[1]) for name in metrics if (found := re.search(r"@(\d+)$", name)))}))


def _table(result: Mapping[str, Any], *, brief: bool = False) -> tuple[list[str], list[list[object]]]:
    """Build one row per method, the best first; `brief` leaves out columns for which a terminal has no room."""
    metric = result["metric"]
    others = [name for name in ("hit@1", "hit@5", "hit@10", "map") if name != metric][: 1 if brief else None]
    columns = ["method", metric, *others, "gap", "p", "parameters", "query ms"]
    more = [] if brief else ["kind", "std over seeds", "other words"]
    rows = [_cells(name, row, metric, others) for name, row in result["methods"].items()]
    return [*columns, *more], [row if brief else [*row, *_more(result, row[0], metric)] for row in rows]


def _cells(name: str, row: Mapping[str, Any], metric: str, others: list[str]) -> list[Any]:
    from twinlens.report import Estimate

    gap, over = row["composition_gap"], row["over_baseline"]
    return [
        name,
        *(Estimate.from_json(row["metrics"][m]) for m in (metric, *others)),
        None if gap is None else gap["mean"],
        None if over is None else f"{over['p_value']:.4f}",
        row.get("parameters"),
        row.get("query_ms"),
    ]


def _more(result: Mapping[str, Any], name: str, metric: str) -> list[Any]:
    row = result["methods"][name]
    return [row["kind"], row["metrics"][metric]["std"], row.get("shuffled_text", {}).get(metric)]


def _reading(result: Mapping[str, Any]) -> str:
    """Explain the table in words."""
    metric, methods = result["metric"], result["methods"]
    trained = [row for row in methods.values() if row["kind"] == "trained"]
    ahead = [row for row in trained if row["over_baseline"]["mean"] > 0 and row["over_baseline"]["p_value"] < LEVEL]
    best, baseline, single = (
        f"{result[role]} ({methods[result[role]]['metrics'][metric]['mean']:.3f})"
        for role in ("best", "best_baseline", "best_single_lens")
    )
    return (
        f"By {metric} the best is {best}; {len(ahead)} of {len(trained)} trained methods are ahead of the best "
        f"baseline, {baseline}, at p < {LEVEL}. Means are over {result['repeats']} seeds; ± is the 95 % interval by "
        f"bootstrap over groups of the {result['queries']} queries; p is of no difference to the best baseline, by "
        f"permutation of groups, corrected for {len(trained)} methods (Holm); gap: over the better single lens, "
        f"{single}; other words: asked with another query's "
        "text; query ms: from an encoded query to its scores. All runs together took "
        f"{_minutes(result):.0f} minutes of one processor core, encoders left out."
    )


def _minutes(result: Mapping[str, Any]) -> float:
    """Add up the processor time of all runs, in minutes."""
    runs = [row["processor_seconds"] for row in result["methods"].values() if "processor_seconds" in row]
    return float(sum(runs)) * int(result["repeats"]) / 60


def _show(result: Mapping[str, Any]) -> None:
    _common.print_table(*_table(result, brief=True), title=_title(result))
    for line in _lines(result):
        _common.say()
        _common.say(line)


def _write(result: Mapping[str, Any], folder: Path) -> None:
    from twinlens.report import Estimate
    from twinlens.report.plots import bar_chart
    from twinlens.report.table import Table

    folder.mkdir(parents=True, exist_ok=True)
    jsonfile.write(result, folder / "results.json")
    table = Table(*_table(result), title=_title(result), digits=3).markdown()
    (folder / "table.md").write_text("\n\n".join([table, *_lines(result)]) + "\n", encoding="utf-8")
    metric = result["metric"]
    methods = result["methods"].items()
    bars = {name.replace("_", "\n"): Estimate.from_json(row["metrics"][metric]) for name, row in methods}
    bar_chart({metric: bars}, folder / "chart.png", title=_title(result), ylabel=metric)


def _title(result: Mapping[str, Any]) -> str:
    return f"{result['dataset']} {result['split']}, protocol {result['protocol']}, recipe {result['recipe']}"


def _lines(result: Mapping[str, Any]) -> list[str]:
    """List the paragraphs below the table."""
    skipped = [f"Left out: {name}: {why}" for name, why in result["skipped"].items()]
    return [result["reading"], *skipped, *([result["note"]] if "note" in result else [])]
