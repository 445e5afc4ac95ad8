"""Evaluation of a composer on a Dataset: every metric with its interval, beside the baselines of every table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np

from twinlens import metrics
from twinlens.core.arguments import Stage, as_kind
from twinlens.core.types import Dataset
from twinlens.evaluation import two_stage
from twinlens.evaluation.baselines import (
    BASELINES,
    COMPOSED,
    DENSITY,
    RANDOM,
    SINGLE_SIDES,
    WORD_BLIND,
    baseline_scores,
)
from twinlens.evaluation.judgements import Judgements
from twinlens.evaluation.reading import sentence_kinds
from twinlens.evaluation.summaries import Summary, balance_parts, summarise
from twinlens.metrics import PerQuery, Scores
from twinlens.models.composer import Composer

TWO_STAGE = "two_stage"
"""The composed queries, the first entries of their rankings ordered anew by a reader."""
WORST, SHOWN = 10, 6
"""Queries that are answered worst, and answers of each."""
WORST_BY = ("matched_accuracy", "map")
"""The metric that they are chosen by: the first of these that there is."""
Measured = Mapping[str, Mapping[str, PerQuery]]
"""Composed query or baseline → metric → value of every query (Q,)."""
OnScores = Callable[[str, Judgements, Scores], object]
"""Takes `COMPOSED` or `TWO_STAGE`, the queries and the gallery, and the scores (Q, N)."""


def evaluate(
    composer: Composer,
    dataset: Dataset,
    *,
    seed: int = 0,
    ks: Sequence[int] = (1, 5, 10),
    stage: Stage | None = None,
    known: Collection[str] = (),
    on_scores: OnScores | None = None,
    progress: bool = False,
) -> dict[str, Any]:
    """Measure the composed queries and every baseline, with 95 % bootstrap intervals over groups.

    {"metrics": {name: summary}, "baselines": {baseline: {name: summary}}, "composition_gap": {name: difference}};
    the gap is composed minus the better single side, with its interval and the p-value of a paired permutation test.
    {"floor": {name: {"of": baseline, "mean": …}}} has the best baseline that cannot know what the sentence says, and
    {"groups": {"count": …, "largest": share of the queries}} what the intervals draw. Where the dataset has parts,
    every figure is the plain mean over them, and {"parts": {part: {name: summary}}} has the composed queries' figures
    in each. With a `stage`, {"two_stage": {name: summary}} has the composed queries after it has reordered the first
    entries of each ranking, {"by_sentence": {kind: {"queries": …, row: {name: summary}}}} both by the kind of sentence
    (known: sentences that are not "new"), {"worst": […]} the queries that it answers worst, and {"ms_per_picture": …}
    the cost of reading one. on_scores: is called with the scores (Q, N) of the composed queries, and again with those
    of the two stages. Raises TwinlensError for what is no composer or no dataset.
    """
    as_kind("evaluate", composer, Composer, "give Composer.load(folder)")
    as_kind("evaluate", dataset, Dataset, "give one that a loader returns")
    judgements = Judgements.of(dataset)
    sizes = {"queries": len(judgements.queries), "gallery": len(judgements.gallery)}
    kept: dict[str, Scores] = {}
    values = measure(composer, judgements, seed=seed, ks=ks, stage=stage, kept=kept, progress=progress)
    if on_scores:
        for name, scores in kept.items():
            on_scores(name, judgements, scores)
    found = {**sizes, **tabulate(values, judgements.groups, judgements.parts, seed)}
    if stage:
        found["by_sentence"] = by_sentence(values, judgements, known, seed)
        found["ms_per_picture"] = two_stage.milliseconds(judgements, stage)
        found["worst"] = worst(judgements, kept[TWO_STAGE], values[TWO_STAGE])
    return found


def measure(
    composer: Composer,
    judgements: Judgements,
    *,
    seed: int,
    ks: Sequence[int],
    stage: Stage | None = None,
    kept: dict[str, Scores] | None = None,
    progress: bool = False,
) -> dict[str, dict[str, PerQuery]]:
    """Compute every metric of every query (Q,), composed and by every baseline.

    A baseline whose scores come several times, with other texts, has their means. `RANDOM` has `DENSITY` as well. With
    a `stage`, `TWO_STAGE` is the composed queries reranked. `kept` gets the scores (Q, N) of these two.
    """
    found: dict[str, list[dict[str, PerQuery]]] = {}
    for name, matrix in baseline_scores(composer, judgements.queries, judgements.gallery, seed=seed, progress=progress):
        found.setdefault(name, []).append(judgements.per_query(matrix, ks))
        if name == COMPOSED:
            by_stage = {COMPOSED: matrix}
            if stage:
                by_stage[TWO_STAGE] = two_stage.rerank(judgements, matrix, stage)
                found[TWO_STAGE] = [judgements.per_query(by_stage[TWO_STAGE], ks)]
            (kept if kept is not None else {}).update(by_stage)
    defined = [metric for metric, array in found[COMPOSED][0].items() if not np.isnan(array).all()]
    values = {}
    for name, draws in found.items():
        values[name] = {metric: np.mean([draw[metric] for draw in draws], axis=0) for metric in defined}
    expected = judgements.by_chance(ks)
    return values | {RANDOM: {metric: expected[metric] for metric in defined} | {DENSITY: judgements.density()}}


def tabulate(values: Measured, groups: Sequence[str], parts: Sequence[str], seed: int) -> dict[str, Any]:
    """Summarise the values of queries with these groups (Q,) and parts (Q,) as `evaluate` returns them."""
    weighed = {name: balance_parts(metrics_of, parts) for name, metrics_of in values.items()}
    return {
        "metrics": summarise(weighed[COMPOSED], groups, seed),
        **({TWO_STAGE: summarise(weighed[TWO_STAGE], groups, seed)} if TWO_STAGE in weighed else {}),
        "baselines": {name: summarise(weighed[name], groups, seed) for name in BASELINES},
        "floor": _floors(weighed),
        "groups": {"count": len(set(groups)), "largest": max(Counter(groups).values()) / len(groups)},
        "composition_gap": _composition_gaps(weighed, groups, seed),
        **({"parts": _by_part(values[COMPOSED], groups, parts, seed)} if len(set(parts)) > 1 else {}),
    }


def _by_part(
    values: Mapping[str, PerQuery], groups: Sequence[str], parts: Sequence[str], seed: int
) -> dict[str, dict[str, Summary]]:
    summaries = {}
    for part in dict.fromkeys(parts):
        rows = [row for row, own in enumerate(parts) if own == part]
        inside = {name: array[rows] for name, array in values.items() if not np.isnan(array[rows]).all()}
        summaries[part] = summarise(inside, [groups[row] for row in rows], seed)
    return summaries


def _floors(values: Measured) -> dict[str, dict[str, Any]]:
    """Find the best of the baselines that cannot read, metric by metric."""
    floors = {}
    for name in values[COMPOSED]:
        means = {baseline: float(np.nanmean(values[baseline][name])) for baseline in WORD_BLIND}
        best = max(means, key=means.__getitem__)
        floors[name] = {"of": best, "mean": means[best]}
    return floors


def _composition_gaps(values: Measured, groups: Sequence[str], seed: int) -> dict[str, Summary]:
    gaps = {}
    for name, composed in values[COMPOSED].items():
        single = max(SINGLE_SIDES, key=lambda side: float(np.nanmean(values[side][name])))
        difference = metrics.paired_difference(composed, values[single][name], groups, seed=seed)
        gaps[name] = {"over": single, **difference._asdict()}
    return gaps


def by_sentence(
    values: Measured, judgements: Judgements, known: Collection[str], seed: int
) -> dict[str, dict[str, Any]]:
    """Summarise the composed queries, and the two stages, by the kind of sentence; see `reading.sentence_kinds`."""
    found = {}
    for kind, mask in sentence_kinds(judgements.queries, known):
        rows = np.flatnonzero(mask)
        groups = [judgements.groups[row] for row in rows]
        inside = {
            row: {name: array[rows] for name, array in values[row].items() if not np.isnan(array[rows]).all()}
            for row in (COMPOSED, TWO_STAGE)
        }
        found[kind] = {"queries": len(rows), **{row: summarise(some, groups, seed) for row, some in inside.items()}}
    return found


def worst(judgements: Judgements, scores: Scores, values: Mapping[str, PerQuery]) -> list[dict[str, Any]]:
    """Return the `WORST` queries with the least of `WORST_BY`, each with the ids of its first and its right entries."""
    name = next(name for name in WORST_BY if name in values)
    rows = np.argsort(np.nan_to_num(values[name], nan=np.inf), kind="stable")[:WORST]
    first = metrics.top(scores[rows], SHOWN, ignore=judgements.ignore[rows])
    ids = np.array([entry.id for entry in judgements.gallery], dtype=object)
    return [
        {
            "query": judgements.queries[row].id,
            "text": judgements.queries[row].text,
            name: float(values[name][row]),
            "first": ids[best].tolist(),
            "scores": scores[row][best].tolist(),
            "right": ids[judgements.relevant[row] & ~judgements.ignore[row]].tolist(),
        }
        for row, best in zip(rows, (line[line >= 0] for line in first), strict=True)
    ]
