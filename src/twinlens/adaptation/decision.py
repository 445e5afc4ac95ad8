"""Measurement of a trained fusion beside its baselines on held-out queries, and the decision to adopt it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from twinlens import metrics
from twinlens.adaptation.embedded_gallery import BlockFusion, Frozen, block_fusion
from twinlens.core.types import Dataset, Sample, TwinlensError
from twinlens.evaluation.baselines import COMPOSED, IMAGE_ONLY, SHUFFLED_TEXT, TEXT_ONLY, query_variants
from twinlens.evaluation.judgements import Judgements
from twinlens.evaluation.summaries import summarise
from twinlens.metrics import PerQuery, Scores
from twinlens.models.composer import Composer

METRIC = "map"
"""Decides: the mean average precision; of queries with one right answer that is the mean reciprocal rank."""
CALIBRATED_SUM, CURRENT = "calibrated_sum", "current"
BASELINES = (CALIBRATED_SUM, IMAGE_ONLY, TEXT_ONLY)
"""A trained fusion must exceed these: both sides without training, and either side alone."""
MIN_QUERIES = 30
"""With fewer, no interval is narrow enough to decide by."""
MAX_QUERIES = 4000
"""Of more, so many are drawn by the seed."""
BATCH = 512


def select_judgements(dataset: Dataset, seed: int) -> Judgements:
    """Select the queries to measure, at most 4,000. Raises TwinlensError for fewer than 30."""
    judgements = Judgements.of(_draw_queries(dataset, seed))
    if len(judgements.queries) < MIN_QUERIES:
        raise TwinlensError(
            f"only {len(judgements.queries)} queries can be measured, and at least {MIN_QUERIES} are needed; give more"
            " captions or triplets, or smaller groups (--group-by)"
        )
    return judgements


def measure_variants(
    fusion: BlockFusion,
    plain: BlockFusion,
    frozen: Frozen,
    judgements: Judgements,
    *,
    seed: int,
    current: BlockFusion | None = None,
) -> dict[str, dict[str, PerQuery]]:
    """Compute every metric of every query: by `fusion` composed and with shuffled texts, and by the baselines.

    The baselines are scored by `plain`, the untrained fusion: both sides, and either side alone. current: the fusion in
    use, if that is a trained one too.
    """
    variants = query_variants(judgements.queries, seed)
    scored = {
        COMPOSED: (fusion, variants[COMPOSED]),
        CALIBRATED_SUM: (plain, variants[COMPOSED]),
        IMAGE_ONLY: (plain, variants[IMAGE_ONLY]),
        TEXT_ONLY: (plain, variants[TEXT_ONLY]),
        SHUFFLED_TEXT: (fusion, variants[SHUFFLED_TEXT]),
        **({CURRENT: (current, variants[COMPOSED])} if current is not None else {}),
    }
    return {
        name: judgements.per_query(_scores(by, frozen, queries, judgements.gallery))
        for name, (by, queries) in scored.items()
    }


def best_share(models: Iterable[Composer], frozen: Frozen, dataset: Dataset) -> Composer:
    """Return the best-ranking of models that differ in the trained score's share; the first of equals."""
    judgements = Judgements.of(dataset)

    def level(model: Composer) -> float:
        scores = _scores(block_fusion(model), frozen, judgements.queries, judgements.gallery)
        return float(judgements.per_query(scores)[METRIC].mean())

    return max(models, key=level)


def decide(values: Mapping[str, Mapping[str, PerQuery]], groups: Sequence[str], seed: int) -> dict[str, Any]:
    """Compare the trained fusion with the baselines and the current one; decide whether to adopt it.

    {"metric", "rows": name → metric → summary, "differences": baseline → how much composed exceeds it, "wins"}. It wins
    if the 95 % interval of every difference, a paired bootstrap over groups, lies above 0.
    """
    against = [name for name in (*BASELINES, CURRENT) if name in values]
    differences = {
        name: metrics.paired_difference(values[COMPOSED][METRIC], values[name][METRIC], groups, seed=seed)
        for name in against
    }
    return {
        "metric": METRIC,
        "rows": {name: summarise(found, groups, seed) for name, found in values.items()},
        "differences": {name: difference._asdict() for name, difference in differences.items()},
        "wins": len(set(groups)) > 1 and all(difference.ci95[0] > 0 for difference in differences.values()),
    }


def _draw_queries(dataset: Dataset, seed: int) -> Dataset:
    """Draw at most `MAX_QUERIES` of the queries by the seed."""
    count = len(dataset.queries)
    if count <= MAX_QUERIES:
        return dataset
    chosen = np.sort(np.random.default_rng(seed).permutation(count)[:MAX_QUERIES]).tolist()
    return replace(dataset, queries=tuple(dataset.queries[n] for n in chosen))


def _scores(fusion: BlockFusion, frozen: Frozen, queries: Sequence[Sample], gallery: Sequence[Sample]) -> Scores:
    query_vectors, entry_vectors = (_vectors(fusion, frozen, samples) for samples in (queries, gallery))
    scores: Scores = fusion.similarity(query_vectors, entry_vectors).numpy()
    return scores


@torch.inference_mode()
def _vectors(fusion: BlockFusion, frozen: Frozen, samples: Sequence[Sample]) -> Tensor:
    vectors = []
    for start in range(0, len(samples), BATCH):
        prepared = [frozen.prepare(sample) for sample in samples[start : start + BATCH]]
        batch = {key: torch.from_numpy(np.stack([arrays[key] for arrays in prepared])) for key in prepared[0]}
        encoded = frozen(batch)
        vectors.append(fusion(encoded.image, encoded.text))
    return torch.cat(vectors)
