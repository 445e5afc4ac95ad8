"""Evaluation: a composer over a Dataset → every metric with its interval, beside the baselines every table carries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from twinlens import metrics, splits
from twinlens.core.progress import track
from twinlens.core.recipe import Recipe
from twinlens.core.types import Dataset, Sample, TwinlensError
from twinlens.metrics import Mask, PerQuery, Scores
from twinlens.models.composer import Composer
from twinlens.training import loop

Summary: TypeAlias = dict[str, Any]
"""{"mean", "std", "ci95": [low, high]} of one metric, as the results' JSON has it."""
COMPOSED = "composed"
BASELINES = ("image_only", "text_only", "sum", "product", "shuffled_text", "untrained")
"""What every table carries beside the composed query (see `baseline_scores`)."""


@dataclass(frozen=True)
class Judgements:
    """The queries of a dataset that have an answer in its gallery, and all that is known of them as matrices (Q, N)."""

    queries: tuple[Sample, ...]
    gallery: tuple[Sample, ...]
    relevant: Mask
    ignore: Mask
    rejected: Mask
    groups: tuple[str, ...]
    parts: tuple[str, ...]

    @classmethod
    def of(cls, dataset: Dataset) -> Judgements:
        """Raises TwinlensError when no query has an answer."""
        entries = [entry.id for entry in dataset.gallery]
        ids = [query.id for query in dataset.queries]
        relevant = metrics.mask(dataset.relevant, ids, entries)
        ignore = metrics.mask(dataset.ignore, ids, entries)
        rejected = metrics.mask(dataset.rejected, ids, entries)
        asked = np.asarray((relevant & ~ignore).any(axis=1))
        if not asked.any():
            raise TwinlensError("no query of this dataset has an answer in its gallery; nothing can be measured")
        queries = tuple(query for query, kept in zip(dataset.queries, asked, strict=True) if kept)
        groups = tuple(dataset.groups.get(query.id, query.id) for query in queries)
        parts = tuple(dataset.parts.get(query.id, "") for query in queries)
        return cls(queries, dataset.gallery, relevant[asked], ignore[asked], rejected[asked], groups, parts)

    def per_query(self, scores: Scores, ks: Sequence[int] = (1, 5, 10)) -> dict[str, PerQuery]:
        """Every metric of every query from scores (Q, N); grounding accuracy only where something was rejected."""
        rejected = self.rejected if self.rejected.any() else None
        return metrics.per_query(scores, self.relevant, ignore=self.ignore, rejected=rejected, ks=ks)


def scores(
    composer: Composer, queries: Sequence[Sample], gallery: Sequence[Sample], *, progress: bool = False
) -> Scores:
    """How near every gallery entry is to every query (Q, N), by the fusion's own similarity."""
    vectors = composer.embed([*queries, *gallery], progress=progress)
    return composer.similarity(vectors[: len(queries)], vectors[len(queries) :])


def drop_side(samples: Sequence[Sample], side: str) -> list[Sample]:
    """The samples with one lens covered: `side` "image" leaves the picture alone, "text" the sentence alone."""
    if side == "image":
        return [replace(sample, text="") for sample in samples]
    return [replace(sample, image=None) for sample in samples]


def baseline_scores(
    composer: Composer, judged: Judgements, *, seed: int = 0, progress: bool = False
) -> dict[str, Scores]:
    """The composed scores and those of every baseline, each (Q, N).

    image_only and text_only are the same trained composer with one lens covered; sum and product combine these two
    scores (late fusion; the product of cosines moved to 0…1); shuffled_text asks with another query's sentence;
    untrained is the same recipe with fresh weights.
    """
    queries = list(judged.queries)
    order = np.random.default_rng(seed).permutation(len(queries))
    shuffled = [replace(query, text=queries[n].text) for query, n in zip(queries, order, strict=True)]
    asked = {
        COMPOSED: queries,
        "image_only": drop_side(queries, "image"),
        "text_only": drop_side(queries, "text"),
        "shuffled_text": shuffled,
    }
    everything = [sample for samples in asked.values() for sample in samples]
    vectors = composer.embed([*everything, *judged.gallery], progress=progress)
    gallery = vectors[len(everything) :]
    found = {
        name: composer.similarity(vectors[n * len(queries) : (n + 1) * len(queries)], gallery)
        for n, name in enumerate(asked)
    }
    found["sum"] = found["image_only"] + found["text_only"]
    found["product"] = (1 + found["image_only"]) * (1 + found["text_only"])
    found["untrained"] = scores(composer.untrained(seed=seed), queries, judged.gallery, progress=progress)
    return found


def evaluate(
    composer: Composer, dataset: Dataset, *, seed: int = 0, ks: Sequence[int] = (1, 5, 10), progress: bool = False
) -> dict[str, Any]:
    """Metrics of the composed queries and of every baseline, with 95 % bootstrap intervals over groups.

    {"metrics": {name: summary}, "baselines": {baseline: {name: summary}}, "composition_gap": {name: difference}};
    the gap is composed minus the better single lens, with its interval and the p-value of a paired permutation test.
    Where the dataset has parts, every figure is the plain mean over them, and {"parts": {part: {name: summary}}} has
    the composed queries' figures in each.
    """
    judged = Judgements.of(dataset)
    found = baseline_scores(composer, judged, seed=seed, progress=progress)
    values = {name: judged.per_query(matrix, ks) for name, matrix in found.items()}
    return {
        "queries": len(judged.queries),
        "gallery": len(judged.gallery),
        **_tables(values, judged.groups, judged.parts, seed),
    }


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
    """Train on a part of the groups and measure on the others, `repeats` times; queries of all repeats together.

    Returns what `evaluate` does. No group stands on both sides of a split; a query that several repeats measured counts
    as often, and the intervals draw whole groups. array_cache: see `loop.train_recipe`.
    """
    runs: list[tuple[dict[str, dict[str, PerQuery]], Judgements]] = []
    for n in track(range(repeats), "repeats", repeats, unit="repeats", progress=progress):
        rest, test = splits.hold_out(dataset, splits.TEST_SHARE, seed + n)
        judged = Judgements.of(test)
        composer, _ = loop.train_recipe(
            recipe, rest, seed=seed + n, device=device, array_cache=array_cache, progress=False
        )
        found = baseline_scores(composer, judged, seed=seed + n)
        runs.append(({name: judged.per_query(matrix, ks) for name, matrix in found.items()}, judged))
    groups = [group for _, judged in runs for group in judged.groups]
    parts = [part for _, judged in runs for part in judged.parts]
    values = {
        name: {metric: np.concatenate([run[name][metric] for run, _ in runs]) for metric in found}
        for name, found in runs[0][0].items()
    }
    return {"queries": len(groups), **_tables(values, groups, parts, seed)}


def balanced(values: Mapping[str, PerQuery], parts: Sequence[str]) -> Mapping[str, PerQuery]:
    """Every query's values (Q,) weighed so that their mean is the plain mean over the parts that queries belong to."""
    _, part, counts = np.unique(np.asarray(parts), return_inverse=True, return_counts=True)
    weights = len(part) / (len(counts) * counts[part])
    return {name: array * weights for name, array in values.items()} if len(counts) > 1 else values


def _tables(
    values: Mapping[str, Mapping[str, PerQuery]], groups: Sequence[str], parts: Sequence[str], seed: int
) -> dict[str, Any]:
    weighed = {name: balanced(found, parts) for name, found in values.items()}
    return {
        "metrics": summarise(weighed[COMPOSED], groups, seed),
        "baselines": {name: summarise(weighed[name], groups, seed) for name in BASELINES},
        "composition_gap": _gaps(weighed, groups, seed),
        **({"parts": _by_part(values[COMPOSED], groups, parts, seed)} if len(set(parts)) > 1 else {}),
    }


def _by_part(
    values: Mapping[str, PerQuery], groups: Sequence[str], parts: Sequence[str], seed: int
) -> dict[str, dict[str, Summary]]:
    found = {}
    for part in dict.fromkeys(parts):
        rows = [row for row, own in enumerate(parts) if own == part]
        inside = {name: array[rows] for name, array in values.items() if not np.isnan(array[rows]).all()}
        found[part] = summarise(inside, [groups[row] for row in rows], seed)
    return found


def summarise(values: Mapping[str, PerQuery], groups: Sequence[str], seed: int = 0) -> dict[str, Summary]:
    """Mean, spread and bootstrap interval over groups of each metric."""
    return {name: as_summary(metrics.bootstrap_ci(array, groups, seed=seed)) for name, array in values.items()}


def as_summary(summary: metrics.Summary) -> Summary:
    """As the results' JSON has it."""
    return {"mean": summary.mean, "std": summary.std, "ci95": list(summary.ci95) if summary.ci95 else None}


def _gaps(values: Mapping[str, Mapping[str, PerQuery]], groups: Sequence[str], seed: int) -> dict[str, Summary]:
    gaps = {}
    for name, composed in values[COMPOSED].items():
        single = max(("image_only", "text_only"), key=lambda side: float(np.nanmean(values[side][name])))
        difference = metrics.paired_difference(composed, values[single][name], groups, seed=seed)
        gaps[name] = {"over": single, **difference._asdict()}
    return gaps
