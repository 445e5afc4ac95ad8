"""Repeated training on some leak-free groups and evaluation on the others."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from twinlens import splits
from twinlens.core.progress import track
from twinlens.core.recipe import Recipe
from twinlens.core.types import Dataset
from twinlens.evaluation.evaluate import measure, tabulate
from twinlens.evaluation.judgements import Judgements
from twinlens.training import loop


def cross_validate(
    recipe: Recipe,
    dataset: Dataset,
    *,
    repeats: int,
    seed: int = 0,
    device: str = "auto",
    ks: Sequence[int] = (1, 5, 10),
    array_cache: Path | None = None,
    progress: bool = False,
) -> dict[str, Any]:
    """Train on a part of the groups and measure on the others, `repeats` times; pool the queries of all repeats.

    Returns what `evaluate` does. No group stands on both sides of a split; a query that several repeats measured counts
    as often, and the intervals draw whole groups. array_cache: see `loop.train_recipe`.
    """
    runs = []
    for n in track(range(repeats), "repeats", repeats, unit="repeats", progress=progress):
        train, test = splits.hold_out(dataset, splits.TEST_SHARE, seed + n)
        judgements = Judgements.of(test)
        composer, _ = loop.train_recipe(
            recipe, train, seed=seed + n, device=device, array_cache=array_cache, progress=False
        )
        runs.append((measure(composer, judgements, seed=seed + n, ks=ks), judgements))
    groups = [group for _, judgements in runs for group in judgements.groups]
    parts = [part for _, judgements in runs for part in judgements.parts]
    values = {
        name: {metric: np.concatenate([run[name][metric] for run, _ in runs]) for metric in found}
        for name, found in runs[0][0].items()
    }
    return {"queries": len(groups), **tabulate(values, groups, parts, seed)}
