"""Submissions: rankings of a split with hidden answers, as the files that a benchmark's server takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twinlens.commands import _common
from twinlens.core import jsonfile, variants
from twinlens.core.types import TwinlensError

if TYPE_CHECKING:
    import argparse
    from types import ModuleType

    from twinlens.core.types import Dataset, Ranking
    from twinlens.models.composer import Composer


def check(args: argparse.Namespace, module: ModuleType) -> None:
    """Raise TwinlensError when the dataset has no server, or no model is given."""
    if not hasattr(module, "submission"):
        known = [name for name in variants.names("datasets") if hasattr(variants.load("datasets", name), "submission")]
        raise TwinlensError(f"{args.dataset} has no server to submit to; those that have one: {', '.join(known)}")
    if args.model is None:
        raise TwinlensError("--submission ranks with a trained model: give --model DIR")


def write(args: argparse.Namespace, module: ModuleType, dataset: Dataset) -> dict[str, Any]:
    """Rank, write the server's files into the folder `--submission`, and name the server."""
    from twinlens.core import machine
    from twinlens.models.composer import Composer

    composer = Composer.load(args.model)
    composer.to(machine.pick_device(args.device))
    contents = module.submission(_rank(composer, dataset, _common.shows_view(args)), args.root, args.split)
    args.submission.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, content in contents.items():
        paths.append(jsonfile.write(content, args.submission / name))
    if _common.shows_view(args):
        _common.say(f"wrote {', '.join(map(str, paths))} for {module.SERVER}")
        _common.say(module.NOTE)
    result = {"dataset": args.dataset, "split": args.split, "queries": len(dataset.queries), "note": module.NOTE}
    return {**result, "submission": {"server": module.SERVER, "files": paths}}


def _rank(composer: Composer, dataset: Dataset, progress: bool) -> list[Ranking]:
    """Rank the whole gallery for every query, without entries that the query ignores."""
    from twinlens import metrics
    from twinlens.evaluation.baselines import similarities

    ids, entries = [query.id for query in dataset.queries], [entry.id for entry in dataset.gallery]
    scores = similarities(composer, dataset.queries, dataset.gallery, progress=progress)
    return metrics.rankings(scores, ids, entries, ignore=metrics.mask(dataset.ignore, ids, entries))
