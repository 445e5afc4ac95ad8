"""Measurement of a trained fusion beside its baselines on held-out queries, and the decision to adopt it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from twinlens import metrics
from twinlens.adaptation import bounds
from twinlens.adaptation.embedded_gallery import BlockFusion, EmbeddedGallery, Frozen, block_fusion
from twinlens.core.batches import stack_tensors
from twinlens.core.counting import counted
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
"""Of more, so many are drawn, always the same."""
MIN_GROUPS = 20
"""With fewer held-out groups nothing is adopted."""
MEASURE_SEED = 0
"""Queries, their order and intervals are the same in every run, whatever the seed of a training."""
BATCH = 512


def select_judgements(dataset: Dataset) -> Judgements:
    """Select the queries to measure, at most 4,000. Raises TwinlensError for fewer than 30."""
    judgements = Judgements.of(_draw_queries(dataset))
    if len(judgements.queries) < MIN_QUERIES:
        raise TwinlensError(
            f"only {counted(len(judgements.queries), 'query', 'queries')} can be measured, and at least {MIN_QUERIES}"
            " are needed; give more captions or triplets, or smaller groups (--group-by)"
        )
    return judgements


def check_groups(groups: Sequence[str]) -> None:
    """Raise TwinlensError where the queries held out belong to fewer than 20 groups."""
    if (count := len(set(groups))) < MIN_GROUPS:
        raise TwinlensError(
            f"nothing can be adopted: the held-out queries belong to {counted(count, 'independent group')}, and at"
            f" least {MIN_GROUPS} are needed; give more captioned pictures or triplets, or smaller groups (--group-by)"
        )


def measure_variants(
    fusion: BlockFusion,
    plain: BlockFusion,
    frozen: Frozen,
    judgements: Judgements,
    *,
    current: BlockFusion | None = None,
) -> dict[str, dict[str, PerQuery]]:
    """Compute every metric of every query: by `fusion` composed and with shuffled texts, and by the baselines.

    The baselines are scored by `plain`, the untrained fusion: both sides, and either side alone. current: the fusion in
    use, if that is a trained one too.
    """
    variants = query_variants(judgements.queries, MEASURE_SEED)
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


def decide(values: Mapping[str, Mapping[str, PerQuery]], groups: Sequence[str], level: float) -> dict[str, Any]:
    """Compare the trained fusion with the baselines and the current one; decide whether to adopt it.

    {"metric", "rows": name → metric → summary, "differences": baseline → how much composed exceeds it, "wins"}. Of a
    difference there are the mean over queries with its 95 % bootstrap interval, and `by_group`, the mean over groups,
    with `at_least`, its lower bound at the level. The fusion wins if every bound lies above 0, and every mean too: a
    group counts once, and the mean over queries guards against a loss in a large one. That all bounds must hold makes
    no correction for their number necessary (an intersection-union test; R. Berger, Technometrics 24, 1982).
    """
    against = [name for name in (*BASELINES, CURRENT) if name in values]
    differences = {name: _difference(values[COMPOSED][METRIC], values[name][METRIC], groups, level) for name in against}
    exceeds = [found["at_least"] > 0 and found["mean"] > 0 for found in differences.values()]
    return {
        "metric": METRIC,
        "rows": {name: summarise(found, groups, MEASURE_SEED) for name, found in values.items()},
        "differences": differences,
        "wins": len(set(groups)) >= MIN_GROUPS and all(exceeds),
    }


def _difference(first: PerQuery, second: PerQuery, groups: Sequence[str], level: float) -> dict[str, Any]:
    by_group = bounds.group_means(first - second, groups)
    return {
        **metrics.paired_difference(first, second, groups, seed=MEASURE_SEED)._asdict(),
        "by_group": float(by_group.mean()),
        "at_least": bounds.lower_bound(by_group, level),
    }


def attempt_key(model: Composer, known: EmbeddedGallery, judgements: Judgements) -> str:
    """Return a digest of all that decides: the fusion, what it is compared with, and the held-out queries."""
    digest = hashlib.blake2b(digest_size=16)
    queries = [(query.id, str(query.image), query.text) for query in judgements.queries]
    gallery = [(entry.id, entry.text) for entry in judgements.gallery]
    for part in (model.digest, known.generation.digest, queries, gallery, judgements.groups):
        digest.update(repr(part).encode())
    for mask in (judgements.relevant, judgements.ignore):
        digest.update(np.packbits(mask).tobytes())
    return digest.hexdigest()


def _draw_queries(dataset: Dataset) -> Dataset:
    """Draw at most `MAX_QUERIES` of the queries."""
    count = len(dataset.queries)
    if count <= MAX_QUERIES:
        return dataset
    chosen = np.sort(np.random.default_rng(MEASURE_SEED).permutation(count)[:MAX_QUERIES]).tolist()
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
        encoded = frozen(stack_tensors(prepared))
        vectors.append(fusion(encoded.image, encoded.text))
    return torch.cat(vectors)
