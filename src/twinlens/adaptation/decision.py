"""What was learned beside what was there, on queries of which nothing was learned, and whether it wins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from twinlens import evaluation, metrics
from twinlens.adaptation.embedded_gallery import BlockFusion, Frozen, block_fusion
from twinlens.core.types import Dataset, Sample, TwinlensError
from twinlens.evaluation import COMPOSED, Judgements
from twinlens.metrics import PerQuery, Scores
from twinlens.models.composer import Composer

METRIC = "map"
"""What decides: the mean average precision; of queries with one right answer that is the mean reciprocal rank."""
CALIBRATED, IMAGE, TEXT, SHUFFLED, CURRENT = "calibrated_sum", "image_only", "text_only", "shuffled_text", "current"
BASELINES = (CALIBRATED, IMAGE, TEXT)
"""What must be beaten: both sides without training, and either alone."""
FEWEST = 30
"""Queries below which nothing can be said."""
MOST = 4000
"""Queries that are measured at most, drawn by the seed."""
_ROWS = 512


def judged(dataset: Dataset, seed: int) -> Judgements:
    """The queries to measure, at most 4,000. Raises TwinlensError for fewer than 30: nothing could be said of them."""
    found = Judgements.of(_fewer(dataset, seed))
    if len(found.queries) < FEWEST:
        raise TwinlensError(
            f"only {len(found.queries)} queries can be measured, and at least {FEWEST} are needed; give more captions"
            " or triplets, or smaller groups (--group-by)"
        )
    return found


def measured(
    fusion: BlockFusion,
    plain: BlockFusion,
    frozen: Frozen,
    judged: Judgements,
    *,
    seed: int,
    current: BlockFusion | None = None,
) -> dict[str, dict[str, PerQuery]]:
    """Every metric of every query: `fusion` (composed; with another query's text: shuffled_text) and the baselines.

    The baselines are those of `plain`, which nothing was trained for: both sides, and either with the other covered.
    current: what serves now, if that was trained too.
    """
    queries = list(judged.queries)
    order = np.random.default_rng(seed).permutation(len(queries))
    asked = {
        COMPOSED: (fusion, queries),
        CALIBRATED: (plain, queries),
        IMAGE: (plain, evaluation.drop_side(queries, "image")),
        TEXT: (plain, evaluation.drop_side(queries, "text")),
        SHUFFLED: (fusion, [replace(q, text=queries[n].text) for q, n in zip(queries, order, strict=True)]),
        **({CURRENT: (current, queries)} if current is not None else {}),
    }
    return {
        name: judged.per_query(_scores(by, frozen, samples, judged.gallery)) for name, (by, samples) in asked.items()
    }


def best_share(models: Iterable[Composer], frozen: Frozen, dataset: Dataset) -> Composer:
    """Of models that differ in the share of what was learned the one that ranks best, the earlier where equal."""
    watched = Judgements.of(dataset)

    def level(model: Composer) -> float:
        scores = _scores(block_fusion(model), frozen, watched.queries, watched.gallery)
        return float(watched.per_query(scores)[METRIC].mean())

    return max(models, key=level)


def compared(values: Mapping[str, Mapping[str, PerQuery]], groups: Sequence[str], seed: int) -> dict[str, Any]:
    """{"metric", "rows": name → metric → summary, "differences": baseline → how much composed exceeds it, "wins"}.

    It wins where the 95 % interval of every difference, a paired bootstrap over groups, lies above 0.
    """
    against = [name for name in (*BASELINES, CURRENT) if name in values]
    differences = {
        name: metrics.paired_difference(values[COMPOSED][METRIC], values[name][METRIC], groups, seed=seed)
        for name in against
    }
    return {
        "metric": METRIC,
        "rows": {name: evaluation.summarise(found, groups, seed) for name, found in values.items()},
        "differences": {name: difference._asdict() for name, difference in differences.items()},
        "wins": len(set(groups)) > 1 and all(difference.ci95[0] > 0 for difference in differences.values()),
    }


def _fewer(dataset: Dataset, seed: int) -> Dataset:
    """At most `MOST` queries, drawn by the seed."""
    count = len(dataset.queries)
    if count <= MOST:
        return dataset
    chosen = np.sort(np.random.default_rng(seed).permutation(count)[:MOST]).tolist()
    return replace(dataset, queries=tuple(dataset.queries[n] for n in chosen))


def _scores(fusion: BlockFusion, frozen: Frozen, queries: Sequence[Sample], gallery: Sequence[Sample]) -> Scores:
    query_vectors, entry_vectors = (_vectors(fusion, frozen, samples) for samples in (queries, gallery))
    scores: Scores = fusion.similarity(query_vectors, entry_vectors).numpy()
    return scores


@torch.inference_mode()
def _vectors(fusion: BlockFusion, frozen: Frozen, samples: Sequence[Sample]) -> Tensor:
    found = []
    for start in range(0, len(samples), _ROWS):
        prepared = [frozen.prepare(sample) for sample in samples[start : start + _ROWS]]
        batch = {key: torch.from_numpy(np.stack([arrays[key] for arrays in prepared])) for key in prepared[0]}
        encoded = frozen(batch)
        found.append(fusion(encoded.image, encoded.text))
    return torch.cat(found)
