"""`twinlens evaluate`: measure a recipe or a model under a protocol, with intervals and baselines."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twinlens.commands import _adaptation, _common, _dataset, _sentences, _submission, _trec
from twinlens.core import jsonfile
from twinlens.core.types import TwinlensError

if TYPE_CHECKING:
    import argparse

    from twinlens.core.arguments import Stage
    from twinlens.core.recipe import Recipe
    from twinlens.core.types import Dataset

HELP = "measure a model or a recipe under a protocol, beside its baselines, with intervals"
EXAMPLES = """
twinlens evaluate --model compact --protocol edits
twinlens evaluate --dataset nlvr --root data/nlvr --split dev --protocol paper --repeats 10 --out results
twinlens evaluate --dataset nlvr --root data/nlvr --split dev --protocol grounded --recipe paper-grid
twinlens evaluate --model reading --dataset nlvr --root data/nlvr --split dev --protocol grounded --rerank truth
twinlens evaluate --dataset fashion_iq --root data/fashion_iq --split val --model models/mine --data gallery=reduced
twinlens evaluate --dataset cirr --root data/cirr --split test1 --model models/mine --submission for-the-server
twinlens evaluate --model compact --protocol edits --trec runs
twinlens evaluate --collection twinlens-collection --triplets mine.csv
"""


METRICS = ("hit@1", "hit@5", "hit@10", "map", "grounding_accuracy")
"""Columns of the table unless the dataset names some; the JSON has every metric."""
CHARTED = ("matched_accuracy", "hit@1", "hit@5", "map", "cluster_svm_accuracy", "grounding_accuracy")
TEXTS = ("floors", "reading", "note")
"""Paragraphs below the table."""
MOST_IN_ONE = 0.25
"""Share of the queries in one connected group from which intervals come with a warning."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the dataset, the model or recipe, and the outputs."""
    _dataset.add_dataset(parser, split="test")
    parser.add_argument("--model", metavar="NAME", help="measure this trained model: a folder, or one that ships")
    _dataset.add_recipe(parser, "without --model: train this on the part not measured (default: compact)")
    parser.add_argument("--repeats", type=int, default=10, metavar="N", help="splits to train on anew (default: 10)")
    parser.add_argument("--rerank", metavar="NAME[=CHECKPOINT][:N]", help="with --model: measure with the first N"
                        " answers (50) of each query reordered as well: truth executes the sentence on drawn scenes,"
                        " match reads sentence and picture with a ViLT or BLIP")  # fmt: skip
    parser.add_argument("--known", type=Path, action="append", default=[], metavar="FILE", help="with --rerank: JSON"
                        " lines of sentences that are not new to the model; figures of the new are told")  # fmt: skip
    parser.add_argument(
        "--submission", type=Path, metavar="DIR", help="write the rankings there as the dataset's server wants them"
    )
    parser.add_argument("--trec", type=Path, metavar="DIR", help="with --model: write the rankings there as"
                        " composed.run, and qrels.trec: for trec_eval, ranx and ir-measures")  # fmt: skip
    parser.add_argument(
        "--cache", type=Path, metavar="DIR", help="where finished repeats are kept, and what was found in pictures"
    )
    parser.add_argument(
        "--runs", type=Path, metavar="DIR", help="protocol paper: keep finished repeats there, and go on from them"
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="write results.json, table.md and chart.png there,"
                        " with --rerank the queries that are answered worst as worst.png too")  # fmt: skip
    _adaptation.add_measured(parser)


def run(args: argparse.Namespace) -> Mapping[str, object]:
    """Measure, print the table, write the files."""
    if args.collection is not None:
        return _adaptation.evaluate(args)
    _adaptation.check_absent(args)
    args.stage = _stage(args)
    _trec.check(args)
    _dataset.check_measured(args)
    module = _dataset.dataset_file(args)
    if args.submission:
        _submission.check(args, module)
    dataset = _dataset.load_split(args, args.split)
    _trec.check_answers(args, dataset)
    named = getattr(module, "METRICS", METRICS)
    args.ks = sorted({int(name.partition("@")[2]) for name in (*METRICS, *named) if "@" in name})
    if args.submission and not dataset.relevant:
        return _submission.write(args, module, dataset)
    measure = _paper if args.protocol == "paper" else _with_model if args.model else _with_recipe
    result = {
        "protocol": args.protocol,
        "dataset": args.dataset,
        "split": args.split,
        "seed": args.seed,
        "data": args.data,
        **measure(args, dataset),
    }
    if args.submission:
        result |= _submission.write(args, module, dataset)
    shown = result["metrics"] if args.protocol == "paper" else named
    result["shown"] = [name for name in shown if name in result["metrics"]]
    result["floors"] = _floors(result)
    if note := getattr(module, "NOTE", None):
        result["note"] = note
    if _common.shows_view(args):
        _show(result)
    if args.out:
        _write(result, dataset, args.out)
    return result


def _stage(args: argparse.Namespace) -> Stage | None:
    """Return the stage that `--rerank` names; None without it. Raises TwinlensError for options that exclude others."""
    if args.model and args.set:
        raise TwinlensError("--set changes a recipe that is trained here, and no model; leave it or --model out")
    if args.model and args.checkpoint:
        raise TwinlensError("--checkpoint is for --recipe clip or universal; leave it or --model out")
    if args.rerank is None:
        if args.known:
            raise TwinlensError("--known is for --rerank, whose figures are told by the kind of sentence")
        return None
    if args.model is None or args.protocol == "paper":
        raise TwinlensError("--rerank is for a model that is there: give --model, and not protocol paper")
    from twinlens.evaluation import two_stage

    return two_stage.parse_stage(args.rerank)


def _paper(args: argparse.Namespace, dataset: Dataset) -> dict[str, Any]:
    from twinlens.core import machine
    from twinlens.evaluation.paper import replication

    args.epochs = args.epochs or replication.EPOCHS
    recipe = _dataset.recipe_of(args)
    found = replication.replicate(
        recipe,
        dataset,
        repeats=args.repeats,
        seed=args.seed,
        device=args.device,
        processes=_processes(args),
        cache=args.cache or machine.default_cache(),
        runs=args.runs,
        progress=_common.shows_view(args),
    )
    environment = machine.environment(args.device, precision=recipe.training.precision)
    about = {**_recipe(recipe), "repeats": args.repeats, "environment": environment}
    return {**about, **found, "reading": replication.explain_leak(found)}


def _processes(args: argparse.Namespace) -> int:
    """Choose the number of repeats that run in parallel: one per core on a CPU, one on any other device."""
    from twinlens.core import machine

    return min(args.repeats, machine.cores()) if machine.pick_device(args.device).type == "cpu" else 1


def _with_model(args: argparse.Namespace, dataset: Dataset) -> dict[str, Any]:
    from twinlens.core import machine
    from twinlens.evaluation.evaluate import evaluate
    from twinlens.models.composer import Composer

    composer = Composer.load(args.model)
    composer.cache_to((args.cache or machine.default_cache()) / "notes")
    composer.to(machine.pick_device(args.device))
    progress = _common.shows_view(args)
    known = _sentences.known_sentences(args.known)
    runs = _trec.Runs(args.trec, composer.recipe.name) if args.trec else None
    found = evaluate(
        composer,
        dataset,
        seed=args.seed,
        ks=args.ks,
        stage=args.stage,
        known=known,
        on_scores=runs,
        progress=progress,
    )
    if runs:
        found["trec"] = runs.files
        if progress:
            _common.say(f"wrote {', '.join(map(str, runs.files))}")
    about = {**_recipe(composer.recipe), "model": str(args.model), "repeats": 1}
    return {**about, "environment": machine.environment(args.device), **found}


def _with_recipe(args: argparse.Namespace, dataset: Dataset) -> dict[str, Any]:
    from twinlens.core import machine
    from twinlens.evaluation.cross_validation import cross_validate

    recipe = _dataset.recipe_of(args)
    found = cross_validate(
        recipe,
        dataset,
        repeats=args.repeats,
        seed=args.seed,
        device=args.device,
        ks=args.ks,
        array_cache=(args.cache or machine.default_cache()) / "notes",
        progress=_common.shows_view(args),
    )
    environment = machine.environment(args.device, precision=recipe.training.precision)
    return {**_recipe(recipe), "repeats": args.repeats, "environment": environment, **found}


def _recipe(recipe: Recipe) -> dict[str, str]:
    """Describe a recipe for JSON: its name, and its content, with which the figures can be had again."""
    return {"recipe": recipe.name, "recipe_toml": recipe.to_toml()}


def _floors(result: Mapping[str, Any]) -> str:
    """State the density of `random`, the best figures of rows that cannot read, and what the intervals rest on."""
    density = result["baselines"]["random"]["density"]["mean"]
    lines = [f"In the ranking of a query, {density:.4f} of the entries are right: `random` has that density."]
    if "leak_free" in result:
        density = result["leak_free_baselines"]["random"]["density"]["mean"]
        lines = [f"{lines[0]} Leak-free, it is {density:.4f}."]
    if "floor" in result:
        floors = [
            f"{name} {result['floor'][name]['mean']:.3f} ({result['floor'][name]['of']})"
            for name in result["shown"]
            if name in result["floor"]
        ]
        lines.append(f"Best of the rows that cannot read the sentence: {', '.join(floors)}.")
    if (groups := result.get("groups")) and groups["largest"] > MOST_IN_ONE:
        lines.append(
            f"Of {groups['count']} connected groups, one holds {groups['largest']:.0%} of the queries: the intervals "
            "rest on few independent draws."
        )
    return " ".join(lines)


def _series(result: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Collect metrics by name, in the order of tables and charts."""
    series = {result["recipe"]: result["metrics"]}
    if "two_stage" in result:
        series[f"{result['recipe']}, reranked"] = result["two_stage"]
    series |= {f"{result['recipe']}, {part}": found for part, found in result.get("parts", {}).items()}
    series |= result["baselines"]
    if "leak_free" in result:
        series[f"{result['recipe']}, leak-free"] = result["leak_free"]
        series |= {f"{name}, leak-free": found for name, found in result["leak_free_baselines"].items()}
    return series


def _table(result: Mapping[str, Any]) -> tuple[list[str], list[list[object]]]:
    from twinlens.report import Estimate

    names = list(result["shown"])
    rows: list[list[object]] = [
        [name, *(Estimate.from_json(found[metric]) if metric in found else None for metric in names)]
        for name, found in _series(result).items()
    ]
    return ["", *names], rows


def _title(result: Mapping[str, Any]) -> str:
    """Title a result by its dataset, protocol and the dataset's options, such as gallery=reduced."""
    return ", ".join([f"{result['dataset']} {result['split']}", f"protocol {result['protocol']}", *result["data"]])


def _show(result: Mapping[str, Any]) -> None:
    columns, rows = _table(result)
    _common.print_table(columns, rows, title=_title(result))
    if "by_sentence" in result:
        _sentences.show(result)
    for key in TEXTS:
        if key in result:
            _common.say()
            _common.say(result[key])


def _write(result: Mapping[str, Any], dataset: Dataset, folder: Path) -> None:
    from twinlens.report.table import Table

    folder.mkdir(parents=True, exist_ok=True)
    jsonfile.write(result, folder / "results.json")
    table = Table(*_table(result), digits=3).markdown()
    words = [str(result[key]) for key in TEXTS if key in result]
    (folder / "table.md").write_text("\n\n".join([table, *words]) + "\n", encoding="utf-8")
    _chart(result, folder / "chart.png")
    if "worst" in result:
        _sentences.draw_worst(result, dataset, folder / "worst.png")


def _chart(result: Mapping[str, Any], path: Path) -> None:
    """Draw bars with intervals as in the paper's figure 3; a dashed line is the paper's figure."""
    from twinlens.report import Estimate
    from twinlens.report.plots import bar_chart

    shown = [name for name in CHARTED if name in result["shown"]]
    series = {
        name: {metric: Estimate.from_json(found[metric]) for metric in shown if metric in found}
        for name, found in _series(result).items()
        if name.split(",")[0] not in ("untrained", "late_product", "shuffled_text") or "leak_free" not in result
    }
    published = {"hit@5": 0.79, "cluster_svm_accuracy": 0.92} if result["protocol"] == "paper" else {}
    bar_chart(series, path, title=_title(result), published=published)
