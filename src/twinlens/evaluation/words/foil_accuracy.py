"""Accuracy on foils: how often a query prefers its target, composed, by the baselines, and in other wordings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from twinlens import metrics
from twinlens.core.types import Sample
from twinlens.evaluation.baselines import (
    COMPOSED,
    IMAGE_ONLY,
    PIXEL_COUNT,
    RANDOM,
    SHUFFLED_TEXT,
    SHUFFLES,
    TEXT_ONLY,
    count_scores,
    query_variants,
    shuffle_texts,
)
from twinlens.evaluation.summaries import Summary, summarise
from twinlens.evaluation.words.foils import MISSING, Columns, Foils
from twinlens.evaluation.words.wordings import NEGATIONS, PARAPHRASES, Score, reworded
from twinlens.media.images import BadPicture
from twinlens.metrics import PerQuery, Scores

WORD_FOILS, PICTURE_FOILS, BOTH = ACCURACIES = ("foil_accuracy", "picture_foil_accuracy", "both_foils")
DECIDED_ALIKE = "decided_alike"
PARAPHRASE, NEGATION = "paraphrase", "negation"
COMPARED = (
    (WORD_FOILS, COMPOSED, IMAGE_ONLY),
    (WORD_FOILS, COMPOSED, PIXEL_COUNT),
    (WORD_FOILS, COMPOSED, SHUFFLED_TEXT),
    (WORD_FOILS, SHUFFLED_TEXT, IMAGE_ONLY),
    (BOTH, COMPOSED, IMAGE_ONLY),
    (BOTH, COMPOSED, TEXT_ONLY),
    (BOTH, COMPOSED, PIXEL_COUNT),
)
"""Metric, row, and the row that is subtracted: all should be above 0 but the fourth, which should be 0."""
Rows = Mapping[str, Mapping[str, PerQuery]]


def measure(score: Score, foils: Foils, *, seed: int = 0) -> dict[str, Any]:
    """Measure the P queries of some foils: {"pairs", "gaps", "rows": name → metric → summary, "differences"}.

    foil_accuracy: the share of queries whose target scores above the word foil, ties a half; picture_foil_accuracy: the
    same with the picture foil, where there is one; both_foils: above both. decided_alike, in other wordings: the share
    of pairs of target and word foil that are ordered as with the query's own words. `shuffled_text` has means of 20
    shuffles. Rows of `pixel_count` are missing where a picture cannot be read any more.
    """
    values = {name: found for name, found in _values(score, foils, seed).items() if found}
    gaps = {WORD_FOILS: foils.word_gaps, PICTURE_FOILS: foils.picture_gaps}
    return {
        "pairs": len(foils.queries),
        "gaps": {name: float(np.nanmean(gap)) for name, gap in gaps.items() if not np.isnan(gap).all()},
        "rows": {name: _summaries(found, foils.groups, seed) for name, found in values.items()},
        "differences": _differences(values, foils.groups, seed),
    }


def _values(score: Score, foils: Foils, seed: int) -> dict[str, dict[str, PerQuery]]:
    margins = _margins(score, foils, seed)
    own = margins[COMPOSED][0]
    rows = {name: _accuracies(draws) for name, draws in margins.items()}
    for name in (SHUFFLED_TEXT, PARAPHRASE, NEGATION):
        alike = [np.sign(draw[:, 0]) == np.sign(own[:, 0]) for draw in margins[name]]
        rows[name][DECIDED_ALIKE] = np.mean(alike, axis=0)
    pictured = np.where(foils.picture_foils == MISSING, np.nan, 1.0)
    expected = {WORD_FOILS: np.full(len(pictured), 0.5), PICTURE_FOILS: pictured / 2, BOTH: pictured / 3}
    return rows | {PIXEL_COUNT: _pixel_count(foils), RANDOM: expected}


def _margins(score: Score, foils: Foils, seed: int) -> dict[str, list[PerQuery]]:
    """Score the queries in all variants: name → by draw, how far the target is above both foils (P, 2)."""
    variants = [*query_variants(foils.queries, seed).items()]
    variants += [(SHUFFLED_TEXT, shuffle_texts(foils.queries, [seed, draw])) for draw in range(1, SHUFFLES)]
    variants += [(PARAPHRASE, reworded(foils.queries, PARAPHRASES)), (NEGATION, reworded(foils.queries, NEGATIONS))]
    every_query: list[Sample] = [query for _, queries in variants for query in queries]
    scores = np.split(score(every_query, foils.gallery), len(variants))
    margins: dict[str, list[PerQuery]] = {}
    for (name, _), matrix in zip(variants, scores, strict=True):
        margins.setdefault(name, []).append(_above_foils(matrix, foils.targets, foils))
    return margins


def _above_foils(scores: Scores, targets: Columns, foils: Foils) -> PerQuery:
    """Subtract the scores of both foils from the target's: (P, 2), NaN where there is no such foil."""
    rows = np.arange(len(scores))
    of_foils = np.stack([foils.word_foils, foils.picture_foils], axis=1)
    margins = scores[rows, targets][:, None].astype(np.float64) - scores[rows[:, None], of_foils]
    return np.where(of_foils == MISSING, np.nan, margins)


def _accuracies(draws: Sequence[PerQuery]) -> dict[str, PerQuery]:
    """Average the decisions of drawn margins (P, 2): 1 for the target, 0 for the foil, ½ for a tie."""
    decided = (np.sign(np.stack(draws)) + 1) / 2
    values = (decided[..., 0], decided[..., 1], decided.prod(axis=-1))
    return {name: value.mean(axis=0) for name, value in zip(ACCURACIES, values, strict=True)}


def _pixel_count(foils: Foils) -> dict[str, PerQuery]:
    """Score targets and foils by counted pixels; nothing where a picture cannot be read any more."""
    columns = np.unique(np.concatenate([foils.targets, foils.word_foils, foils.picture_foils]))
    columns = columns[columns != MISSING]
    scores = np.zeros((len(foils.queries), len(foils.gallery)), dtype=np.float32)
    try:
        scores[:, columns] = count_scores(foils.queries, [foils.gallery[column] for column in columns])
    except BadPicture:
        return {}
    return _accuracies([_above_foils(scores, foils.targets, foils)])


def _summaries(values: Mapping[str, PerQuery], groups: Sequence[str], seed: int) -> dict[str, Summary]:
    return summarise({name: array for name, array in values.items() if not np.isnan(array).all()}, groups, seed)


def _differences(values: Rows, groups: Sequence[str], seed: int) -> list[dict[str, Any]]:
    """Compare rows pair by pair, where both exist and groups are enough for an interval."""
    found = []
    for metric, first, second in COMPARED:
        if second in values and len(set(groups)) > 1 and not np.isnan(values[first][metric]).all():
            compared = metrics.paired_difference(values[first][metric], values[second][metric], groups, seed=seed)
            found.append({"metric": metric, "of": first, "over": second, **compared._asdict()})
    return found
