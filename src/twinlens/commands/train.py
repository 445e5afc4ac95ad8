"""`twinlens train`: train a recipe, a fusion on a collection's captions, or a detector."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twinlens.commands import _adaptation, _common, _dataset, _detector
from twinlens.core.counting import counted
from twinlens.core.types import TwinlensError

if TYPE_CHECKING:
    import argparse

    from twinlens.core.recipe import Recipe
    from twinlens.core.types import Dataset
    from twinlens.training.run import Epoch

HELP = "train a recipe on a dataset, a fusion on a collection's own captions, or a detector on boxes"
EXAMPLES = """
twinlens train --protocol edits --data scenes=6000 --out models/compact
twinlens train --dataset nlvr --root data/nlvr --split dev --recipe compact --out models/nlvr
twinlens train --recipe my.toml --protocol grounded --data scenes=2000 --epochs 5 --out models/mine
twinlens train --collection twinlens-collection
twinlens train --collection twinlens-collection --triplets mine.csv --fusion tirg
twinlens train detector --dataset nlvr --root data/nlvr --split dev --weights shapes --out models/detector
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the dataset, the recipe, and the options of the run."""
    parser.add_argument(
        "what", nargs="?", choices=("model", "detector"), default="model", help="what to train (default: model)"
    )
    _dataset.add_dataset(parser, split="train")
    _dataset.add_recipe(parser, "a shipped recipe or a .toml file (default: compact)")
    parser.add_argument("--out", type=Path, metavar="DIR", help="the folder to write: the model; with --collection"
                        " the report (default: beside the collection)")  # fmt: skip
    parser.add_argument("--workers", type=int, default=0, metavar="N", help="processes that prepare batches ahead")
    _adaptation.add_training(parser)
    _detector.add_arguments(parser)


def run(args: argparse.Namespace) -> Mapping[str, object]:
    """Train, or resume an interrupted run; a finished run is not repeated."""
    if args.collection is not None:
        return _adaptation.train(args)
    _adaptation.check_absent(args)
    for option, given in (("--set", args.set), ("--checkpoint", args.checkpoint)):
        if args.what == "detector" and given:
            raise TwinlensError(f"{option} changes a recipe, and a detector has none; leave it out")
    if args.out is None:
        raise TwinlensError("say where the model goes: --out DIR")
    from twinlens.core.arguments import as_folder

    as_folder("--out", args.out)  # before hours of training
    return _detector.run(args) if args.what == "detector" else _train_model(args)


def _train_model(args: argparse.Namespace) -> Mapping[str, object]:
    from twinlens.models.runtime.fingerprint import WEIGHTS

    recipe = _dataset.recipe_of(args)
    _dataset.dataset_file(args)
    if (args.out / WEIGHTS).is_file():  # which is written last
        return _finished(args, _provenance(args, recipe))
    dataset = _dataset.load_dataset(args)[1]  # a missing file is told before torch loads
    digest, epochs = _train(args, recipe, dataset, _provenance(args, recipe))
    from twinlens.models.composer import provenance_of

    result = provenance_of(args.out)
    best = max(epochs, key=lambda epoch: epoch.score)
    _say(args, f"{args.out}: best of {counted(len(epochs), 'epoch')} is {best.number + 1}, validation {best.score:.3f}")
    return {"model": args.out, "digest": digest, "trained": True, **result}


def _finished(args: argparse.Namespace, wanted: Mapping[str, Any]) -> Mapping[str, object]:
    """Return the result of a run that is done. Raises TwinlensError for a model of another one, which took hours."""
    from twinlens.models.composer import provenance_of

    found = provenance_of(args.out)
    if (run := found.get("run", {})) != wanted:
        others = ", ".join(key for key in wanted if run.get(key) != wanted[key])
        raise TwinlensError(
            f"{args.out} holds a model of another run already (it differs in: {others}); give another --out, or remove"
            " that folder first"
        )
    _say(args, f"{args.out} holds this very run already; nothing to do")
    return {"model": args.out, "trained": False, **found}


def _train(
    args: argparse.Namespace, recipe: Recipe, dataset: Dataset, provenance: Mapping[str, Any]
) -> tuple[str, list[Epoch]]:
    from dataclasses import asdict

    from twinlens.core import machine
    from twinlens.training import loop

    composer, epochs = loop.train_recipe(
        recipe,
        dataset,
        seed=args.seed,
        device=args.device,
        folder=args.out,
        workers=args.workers,
        progress=_common.shows_view(args),
    )
    environment = machine.environment(args.device, precision=recipe.training.precision)
    epochs_said = [asdict(epoch) for epoch in epochs]
    composer.save(args.out, provenance={"run": provenance, "environment": environment, "epochs": epochs_said})
    (args.out / loop.CHECKPOINT).unlink(missing_ok=True)
    _plot(epochs, args.out / "training.png")
    return composer.digest, epochs


def _provenance(args: argparse.Namespace, recipe: Recipe) -> dict[str, Any]:
    import torch
    import transformers

    from twinlens.version import __version__

    return {
        "dataset": args.dataset,
        "split": args.split,
        "protocol": args.protocol,
        "data": sorted(args.data),
        "recipe": recipe.to_toml(),
        "seed": args.seed,
        "versions": {"twinlens": __version__, "torch": torch.__version__, "transformers": transformers.__version__},
    }


def _plot(epochs: list[Epoch], path: Path) -> None:
    from twinlens.report.plots import curves

    panels = {
        "loss": {"training": [epoch.loss for epoch in epochs]},
        "mean average precision": {"validation": [epoch.score for epoch in epochs]},
    }
    curves(panels, path, title="Training")


def _say(args: argparse.Namespace, line: str) -> None:
    if _common.shows_view(args):
        _common.say(line)
