"""Foils: for a query and its target, candidates that one side of the query alone cannot tell from the target.

Notation: S (Q, N) are the scores of the queries' pictures alone, T (Q, N) those of their words alone, both in standard
deviations of a query's row; t is the column of a query's target.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twinlens.core.types import Sample
from twinlens.evaluation.baselines import drop_side
from twinlens.evaluation.judgements import Judgements
from twinlens.evaluation.words.wordings import Score, words_of
from twinlens.metrics import Mask, PerQuery

QUERIES = 500
"""Queries that foils are looked for at most."""
CANDIDATES = 4096
"""Pictures among which foils are looked for at most, beside the targets."""
GALLERY = 1024
"""Pictures that queries with foils are scored against at least, where there are so many."""
TOLERANCE = 0.25
"""The largest difference of target and foil by the side that must not tell them apart, in standard deviations."""
LESS_ALIKE = 1.0
"""Least gap in likeness to the reference between the target and a picture foil, in standard deviations."""
MISSING = -1
"""In place of the column of a foil that does not exist."""
Columns = NDArray[np.int64]


@dataclass(frozen=True)
class Foils:
    """P queries, their groups, a gallery of N entries, and for each query the columns of its target and its foils.

    word_foils (P,) are as alike to the reference as the target is, and the query's words are wrong for them.
    picture_foils (P,) suit the words as well as the target does, and look less like the reference; −1 where none was
    found. word_gaps, picture_gaps (P,) are the differences that remain, |S(foil) − S(t)| and |T(foil) − T(t)|.
    """

    queries: tuple[Sample, ...]
    groups: tuple[str, ...]
    gallery: tuple[Sample, ...]
    targets: Columns
    word_foils: Columns
    picture_foils: Columns
    word_gaps: PerQuery
    picture_gaps: PerQuery


def choose(judgements: Judgements, captions: Mapping[str, str], score: Score, *, seed: int = 0) -> Foils:
    """Choose foils for at most 500 queries, drawn by the seed, among at most 4,096 pictures and the targets.

    captions: of gallery entries, by id. A word foil is no right answer, is not ignored, and its caption lacks a word of
    the query's text; where no entry has a caption, any picture counts that is not known to be right. Of the queries
    with a word foil, half have one a little more alike than the target, half one a little less, so that likeness alone
    prefers the target in half of the pairs; so it is with picture foils and the words alone.
    """
    pool = _draw(judgements, seed)
    targets = _open(pool).argmax(axis=1)
    image, text = (_standardised(score(drop_side(pool.queries, side), pool.gallery)) for side in ("text", "image"))
    wrong = ~pool.relevant & ~pool.ignore
    word_foils, word_gaps = nearest_balanced(image, targets, wrong & _says_otherwise(pool, captions))
    other = wrong & (image < _at(image, targets)[:, None] - LESS_ALIKE) & (word_foils != MISSING)[:, None]
    other[np.arange(len(word_foils)), word_foils] = False
    picture_foils, picture_gaps = nearest_balanced(text, targets, other)
    found = np.flatnonzero(word_foils != MISSING)
    columns = (targets[found], word_foils[found], picture_foils[found])
    return _compact(pool, found, columns, (word_gaps[found], picture_gaps[found]))


def nearest_balanced(scores: PerQuery, targets: Columns, eligible: Mask) -> tuple[Columns, PerQuery]:
    """Find the eligible entry nearest to the target by scores (Q, N): columns and distances (Q,), −1 and NaN for none.

    As many of the entries found score at least as high as their targets as score at most as high. Which query gets
    which is decided by what is nearer: those that gain most by an entry from above get that.
    """
    gaps = scores - _at(scores, targets)[:, None]
    sides = [np.where(eligible & (sign * gaps >= 0), abs(gaps), np.inf) for sign in (1, -1)]
    above, below = (np.where(side.min(axis=1) <= TOLERANCE, side.min(axis=1), np.inf) for side in sides)
    usable = np.flatnonzero(np.isfinite(above) | np.isfinite(below))
    order = usable[np.argsort(above[usable] - below[usable], kind="stable")]
    count = min(len(order) // 2, int(np.isfinite(above).sum()), int(np.isfinite(below).sum()))
    columns, distances = np.full(len(scores), MISSING), np.full(len(scores), np.nan)
    for side, rows in zip(sides, (order[:count], order[len(order) - count :]), strict=True):
        columns[rows] = side[rows].argmin(axis=1)
        distances[rows] = side[rows, columns[rows]]
    return columns, distances


def _draw(judgements: Judgements, seed: int) -> Judgements:
    """Draw queries and candidates by the seed; the first right answer of every query is among the candidates."""
    rng = np.random.default_rng(seed)
    rows = np.sort(rng.permutation(len(judgements.queries))[:QUERIES])
    drawn = rng.permutation(len(judgements.gallery))[:CANDIDATES]
    targets = _open(judgements)[rows].argmax(axis=1)
    return _restricted(judgements, rows, np.unique(np.concatenate([drawn, targets])))


def _restricted(judgements: Judgements, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> Judgements:
    relevant, ignore, rejected = (
        mask[np.ix_(rows, columns)] for mask in (judgements.relevant, judgements.ignore, judgements.rejected)
    )
    return Judgements(
        queries=tuple(judgements.queries[row] for row in rows),
        gallery=tuple(judgements.gallery[column] for column in columns),
        relevant=relevant,
        ignore=ignore,
        rejected=rejected,
        groups=tuple(judgements.groups[row] for row in rows),
        parts=tuple(judgements.parts[row] for row in rows),
    )


def _says_otherwise(judgements: Judgements, captions: Mapping[str, str]) -> Mask:
    """Return a mask (Q, N) of captions that lack a word of a query; True for all where there are no captions."""
    known = [words_of(captions[entry.id]) if captions.get(entry.id) else None for entry in judgements.gallery]
    if all(words is None for words in known):
        return np.ones(judgements.relevant.shape, dtype=bool)
    texts = [words_of(query.text) for query in judgements.queries]
    return np.array([[words is not None and not text <= words for words in known] for text in texts])


def _compact(pool: Judgements, rows: Columns, columns: Sequence[Columns], gaps: tuple[PerQuery, PerQuery]) -> Foils:
    """Keep the entries that queries are scored against: targets and foils, and others up to the size of a gallery."""
    needed = np.unique(np.concatenate(columns))
    needed = needed[needed != MISSING]
    spare = np.setdiff1d(np.arange(len(pool.gallery)), needed)[: max(0, GALLERY - len(needed))]
    kept = np.sort(np.concatenate([needed, spare]))
    targets, word_foils, picture_foils = (
        np.where(column == MISSING, MISSING, np.searchsorted(kept, column)) for column in columns
    )
    small = _restricted(pool, rows, kept)
    return Foils(small.queries, small.groups, small.gallery, targets, word_foils, picture_foils, *gaps)


def _open(judgements: Judgements) -> Mask:
    return judgements.relevant & ~judgements.ignore


def _standardised(scores: NDArray[np.float32]) -> PerQuery:
    """Divide each query's scores by their standard deviation; scores without one stay."""
    deviations = scores.std(axis=1, keepdims=True, dtype=np.float64)
    divided: PerQuery = scores / np.where(deviations > 0, deviations, 1)
    return divided


def _at(scores: PerQuery, columns: Columns) -> PerQuery:
    return scores[np.arange(len(scores)), columns]
