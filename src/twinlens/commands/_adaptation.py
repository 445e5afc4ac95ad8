"""`twinlens train --collection` and `evaluate --collection`: adaptation to a collection's own captions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twinlens.commands import _collection, _common, _word_use
from twinlens.core import jsonfile
from twinlens.core.counting import counted
from twinlens.core.types import TwinlensError

if TYPE_CHECKING:
    import argparse

    from twinlens.adaptation import Plan
    from twinlens.training.run import Epoch

SHOWN = ("map", "hit@1", "hit@5", "hit@10")
DATASET_ONLY_OPTIONS: Mapping[str, object] = {
    "dataset": "shapes",
    "root": None,
    "protocol": None,
    "recipe": "compact",
    "model": None,
    "trec": None,
    "workers": 0,
    "set": [],
    "checkpoint": None,
}
"""Options of training on a dataset, which a collection has no use for, and their defaults."""

NO_CAPTIONS = (
    "no picture of the collection has a caption, so that only the change of the first ten is measured;"
    " add captions and index again, or give --triplets FILE"
)
OPTIONS = {"group_by": "group-by", "source": "from"}


def add_measured(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """Add the arguments that `train` and `evaluate` share."""
    group = parser.add_argument_group("with a collection, in place of a dataset")
    group.add_argument("--collection", type=Path, metavar="DIR", help="its captioned pictures; none is embedded anew")
    group.add_argument("--triplets", type=Path, metavar="FILE", help="a table with the columns reference, text and"
                       " target: pictures as paths or ids in the collection")  # fmt: skip
    group.add_argument("--group-by", metavar="NAME", help="pictures that stay together in a split, beside"
                       " near-duplicates: folder (default), picture (none), or a field of the metadata")  # fmt: skip
    return group


def add_training(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `train --collection`."""
    group = add_measured(parser)
    group.description = (
        "The fusion is adopted only if a bound over at least 20 held-out groups says that it finds more. The held-out"
        " part is the same for every --seed; attempts on it are counted, and share one level."
    )
    group.add_argument("--fusion", metavar="NAME", help="what is trained (combiner); an unknown name lists them")
    group.add_argument("--from", dest="source", metavar="SOURCE", help="learn from captions, triplets or both (triplets"
                       " where there are some)")  # fmt: skip
    group.add_argument("--revert", action="store_true", help="take back what was learned: the calibrated sum serves;"
                       " attempts stay counted")  # fmt: skip


def train(args: argparse.Namespace) -> Mapping[str, object]:
    """Train, print the decision, and write the report. The collection changes only if the trained fusion wins."""
    from twinlens import adaptation
    from twinlens.core import plugins

    _check(args)
    plan = _plan(args)
    with plugins.naming("fusions", args.fusion), _collection.open_collection(args) as collection:
        if args.revert:
            return _reverted(args, adaptation.revert(collection))
        result, epochs = adaptation.learn(collection, plan)
    out = args.out or _beside(args.collection)
    result = {"on": args.collection, **result, "reading": f"{_verdict(result)}\n{_account(result['attempt'])}"}
    result["files"] = _write(result, epochs, out)
    if _common.shows_view(args):
        _common.print_table(*_table(result), title=_measured_on(result["parts"]["test"]))
        _common.say()
        _common.say(result["reading"])
        for file in result["files"]:
            _common.say(f"wrote {file}")
    return result


def evaluate(args: argparse.Namespace) -> Mapping[str, object]:
    """Measure the serving fusion and how much words decide, and write the tables to `--out`."""
    from twinlens import adaptation

    _check(args)
    plan = _plan(args)
    with _collection.open_collection(args) as collection:
        if not _word_use.has_words(collection, plan):
            return _without_words(args, _word_use.measure(collection, plan, None))
        result: dict[str, Any] = {"on": args.collection, **adaptation.measure(collection, plan)}
        result["reading"] = _which(result)
        if _common.shows_view(args):
            _common.print_table(*_table(result), title=_measured_on(result["measured"]))
            _common.say()
            _common.say(result["reading"])
        result["words"] = _word_use.measure(collection, plan, result)
    if _common.shows_view(args):
        _word_use.show(result["words"])
    if args.out:
        _write_table(result, args.out)
    return result


def _without_words(args: argparse.Namespace, found: dict[str, Any]) -> Mapping[str, object]:
    """Report the little that can be measured without captions and triplets. Raises TwinlensError for nothing."""
    if found["first_ten"] is None:
        raise TwinlensError(
            f"no picture of the collection has a caption, and without, at least {_word_use.MIN_PICTURES} pictures are"
            " needed; add captions and index again, or give --triplets FILE"
        )
    result = {"on": args.collection, "reading": NO_CAPTIONS, "words": found}
    if _common.shows_view(args):
        _common.say(NO_CAPTIONS)
        _word_use.show(found)
    if args.out:
        jsonfile.write(result, args.out / "results.json")
    return result


def check_absent(args: argparse.Namespace) -> None:
    """Raise TwinlensError for an option of these without a collection."""
    for name in ("triplets", "group_by", "fusion", "source", "revert"):
        if getattr(args, name, None):
            raise TwinlensError(f"--{OPTIONS.get(name, name)} needs --collection DIR")


def _check(args: argparse.Namespace) -> None:
    """Raise TwinlensError for an option of datasets or recipes."""
    for name, default in DATASET_ONLY_OPTIONS.items():
        if getattr(args, name, default) != default:
            raise TwinlensError(f"--{name} has no meaning with --collection; leave one of them out")
    if args.epochs is not None and args.epochs < 1:
        raise TwinlensError("--epochs wants a number from 1 on")


def _plan(args: argparse.Namespace) -> Plan:
    from twinlens.adaptation import FUSION, Plan
    from twinlens.core import plugins

    return Plan(
        fusion=plugins.use("fusions", getattr(args, "fusion", None) or FUSION),
        triplets=args.triplets,
        source=getattr(args, "source", None),
        group_by=args.group_by,
        seed=args.seed,
        epochs=args.epochs,
        device=args.device,
        precision=args.precision,
        progress=_common.shows_view(args),
    )


def _reverted(args: argparse.Namespace, done: bool) -> Mapping[str, object]:
    if _common.shows_view(args):
        outcome = "what was learned is gone; the calibrated sum serves" if done else "nothing was learned there"
        _common.say(f"{args.collection}: {outcome}")
    return {"on": args.collection, "reverted": done}


def _beside(collection: Path) -> Path:
    """Return the default folder of the report: beside the collection, not in it."""
    folder = collection.expanduser()
    return folder.with_name(f"{folder.name}-training")


def _verdict(result: Mapping[str, Any]) -> str:
    """Tell in one line whether the fusion was adopted, and over which baselines it did not win."""
    name, differences = result["fusion"], result["differences"]
    if result["adopted"]:
        gains = ", ".join(f"{_words(other)} by {_bound(found)}" for other, found in differences.items())
        return f"adopted: {name} exceeds {gains}; a picture with words is searched by it (--revert ends that)"
    lacking = [other for other, found in differences.items() if min(found["at_least"], found["mean"]) <= 0]
    short = [f"{_words(other)} by {_bound(differences[other])}" for other in lacking]
    return f"not adopted: {name} does not surely exceed {', '.join(short)}; searches stay as they were"


def _account(attempt: Mapping[str, Any]) -> str:
    """Tell in one line the number of an attempt, its level, and the least gain that can be adopted at it."""
    again = ", charged before, as the same fusion was measured then" if attempt["is_repeat"] else ""
    return (
        f"attempt {attempt['number']} on this collection{again}: its level is {attempt['level']:.2g}, of"
        f" {attempt['total_level']:g} that all attempts share; over {attempt['groups']} independent groups a gain below"
        f" {attempt['smallest_gain']:.3f} cannot be adopted"
    )


def _which(result: Mapping[str, Any]) -> str:
    """Tell in one line which fusion serves, and which pictures are held out."""
    held, serving = result["measured"], result["serving"]
    if result["learned"] is None:
        return f"nothing was learned in this collection: {serving} serves, and all {held['of']:,} pictures are measured"
    trained_on = counted(held["of"] - held["pictures"], "picture")
    return (
        f"{serving} serves, trained on {trained_on}; measured are {held['pictures']:,} others,"
        f" of whose groups (by {result['group_by']}) it has seen nothing"
    )


def _measured_on(held: Mapping[str, int]) -> str:
    queries, pictures = counted(held["queries"], "query", "queries"), counted(held["pictures"], "picture")
    return f"{queries}, {pictures}, {counted(held['groups'], 'group')}"


def _words(name: str) -> str:
    return name.replace("_", " ")


def _bound(found: Mapping[str, Any]) -> str:
    return f"{found['by_group']:+.3f} (at least {found['at_least']:+.3f})"


def _table(result: Mapping[str, Any]) -> tuple[list[str], list[list[object]]]:
    """Build one row per composition; the last column is how much the measured fusion exceeds it."""
    from twinlens.report import Estimate

    own = result.get("fusion") or result["serving"]
    rows: list[list[object]] = []
    for name, found in result["rows"].items():
        difference = result["differences"].get(name)
        figures = [Estimate.from_json(found[metric]) for metric in SHOWN]
        label = own if name == "composed" else _words(name)
        rows.append([label, *figures, "" if difference is None else _bound(difference)])
    return ["", *SHOWN, f"{own} exceeds it by (map, each group counted once)"], rows


def _write(result: Mapping[str, Any], epochs: Sequence[Epoch], folder: Path) -> list[Path]:
    from twinlens.report.plots import curves

    files = [folder / name for name in ("results.json", "table.md", "training.png")]
    _write_table(result, folder)
    panels = {
        "loss": {"training": [epoch.loss for epoch in epochs]},
        "mean average precision": {"validation": [epoch.score for epoch in epochs]},
    }
    best = max(epochs, key=lambda epoch: epoch.score).number + 1
    curves(panels, files[2], title=f"{result['fusion']} on {result['on']}", best=best)
    return files


def _write_table(result: Mapping[str, Any], folder: Path) -> None:
    from twinlens.report.table import Table

    jsonfile.write(result, folder / "results.json")
    table = Table(*_table(result), digits=3).markdown()
    text = f"{table}\n{result['reading']}\n"
    if words := result.get("words"):
        text += f"\n{_word_use.markdown(words)}"
    (folder / "table.md").write_text(text, encoding="utf-8")
