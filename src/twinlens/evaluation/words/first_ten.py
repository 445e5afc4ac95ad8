"""Change of the first ten answers when words are swapped: how much words decide, without any label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twinlens import metrics
from twinlens.core.types import Sample
from twinlens.evaluation.summaries import summarise
from twinlens.evaluation.words.wordings import Score
from twinlens.metrics import Mask, PerQuery

FIRST = 10
QUERIES = 200
"""Pictures that are asked with, each with one text."""
WORDS_SWAPPED, PICTURE_SWAPPED = "words_swapped", "picture_swapped"


def measure_change(
    score: Score, gallery: Sequence[Sample], texts: Sequence[str], groups: Mapping[str, str], *, seed: int = 0
) -> dict[str, Any]:
    """Measure the share of the first ten that changes when either side of a query is swapped.

    A query is a picture of the gallery, one of at most 200 drawn by the seed, and one of the texts. With A the first
    ten of a query and B those of the query with another text, or with another picture, the change is the Jaccard
    distance 1 − |A ∩ B| / |A ∪ B|. The pictures of both queries are left out of both. groups: id → group, which
    intervals draw as a whole. {"queries", "words_swapped", "picture_swapped"}; needs two texts and two pictures.
    """
    rng, words = np.random.default_rng(seed), list(dict.fromkeys(texts))
    drawn = rng.permutation(len(gallery))[:QUERIES]
    asked = rng.permutation(len(words))[np.arange(len(drawn)) % len(words)]
    other = (asked + rng.integers(1, len(words), len(drawn))) % len(words)
    own, swapped = (_queries(gallery, drawn, words, chosen) for chosen in (asked, other))
    scores = np.split(score([*own, *swapped, *_queries(gallery, np.roll(drawn, 1), words, asked)], gallery), 3)
    ignore = _mask(drawn, len(gallery)) | _mask(np.roll(drawn, 1), len(gallery))
    first, by_words, by_picture = (metrics.top(part, FIRST, ignore=ignore) for part in scores)
    changes = {WORDS_SWAPPED: _changes(first, by_words), PICTURE_SWAPPED: _changes(first, by_picture)}
    names = [groups.get(gallery[n].id, gallery[n].id) for n in drawn]
    return {"queries": len(drawn), **summarise(changes, names, seed)}


def _queries(
    gallery: Sequence[Sample], pictures: NDArray[np.intp], words: Sequence[str], chosen: NDArray[np.intp]
) -> list[Sample]:
    return [replace(gallery[n], text=words[word]) for n, word in zip(pictures, chosen, strict=True)]


def _mask(columns: NDArray[np.intp], width: int) -> Mask:
    """Mark one column in each row: (Q, width)."""
    marked = np.zeros((len(columns), width), dtype=bool)
    marked[np.arange(len(columns)), columns] = True
    return marked


def _changes(first: NDArray[np.int64], second: NDArray[np.int64]) -> PerQuery:
    """Return the Jaccard distance of two lists of columns (Q, k), query by query; −1 stands for none."""
    pairs = [({*one} - {-1}, {*other} - {-1}) for one, other in zip(first.tolist(), second.tolist(), strict=True)]
    return np.array([1 - len(one & other) / len(one | other) for one, other in pairs])
