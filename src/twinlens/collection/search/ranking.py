"""Ranking: the best entries for a scorer, each standing for its near-duplicates where that is asked for."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

import numpy as np

from twinlens.collection.engines import Engine
from twinlens.collection.search.scoring import Filter, Scorer

DEDUPE_FACTOR = 4
"""With `distinct`, how many times k are looked at first, so that the last answers stand for theirs too."""


class Answer(NamedTuple):
    """A row, its score, and the rows of near-duplicates that it stands for."""

    row: int
    score: float
    duplicates: tuple[int, ...] = ()


def rank(
    scorer: Scorer,
    engine: Engine,
    k: int,
    *,
    among: Filter,
    exclude: Collection[int] = (),
    distinct: float | None = None,
) -> list[Answer]:
    """Return the k best answers, best first, without the excluded rows.

    among: the entries that may answer. distinct: a cosine; a picture at least so near to a better answer's is counted
    among its duplicates.
    """
    count = (k if distinct is None else DEDUPE_FACTOR * k) + len(exclude)
    while True:
        rows, scores = scorer.nearest(engine, count, among)
        best = [Answer(row, score) for row, score in zip(rows.tolist(), scores.tolist(), strict=True)]
        kept = [answer for answer in best if answer.row not in exclude]
        if distinct is not None:
            kept = _grouped(kept, scorer, engine, distinct)
        if len(kept) >= k or len(rows) < count:
            return kept[:k]
        count *= 4


def _grouped(answers: list[Answer], scorer: Scorer, engine: Engine, cosine: float) -> list[Answer]:
    """Let each answer stand for later ones whose pictures are near its own."""
    if not answers:
        return []
    rows = np.array([answer.row for answer in answers], dtype=np.int64)
    vectors = engine.vectors(rows)[:, scorer.picture_block]
    vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True).clip(1e-12)
    duplicates: dict[int, list[int]] = {}
    for n, vector in enumerate(vectors):
        near = next((first for first in duplicates if float(vectors[first] @ vector) >= cosine), None)
        if near is None:
            duplicates[n] = []
        else:
            duplicates[near].append(answers[n].row)
    return [answers[first]._replace(duplicates=tuple(others)) for first, others in duplicates.items()]
