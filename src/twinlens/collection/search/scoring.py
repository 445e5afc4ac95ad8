"""Scorers: how an embedded request scores and ranks the entries of an engine, and whether the best stands out."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from twinlens.calibration import Calibration, Direction, Directions, picture_block
from twinlens.collection.engines import Engine
from twinlens.collection.store import Rows, Vectors

if TYPE_CHECKING:
    from twinlens.collection.search.filters import Node

MIN_SAMPLE = 30
"""Entries below which no chance is told: their spread is not known well enough."""
MIN_SPREAD = 1e-6
"""The least spread of scores that is divided by."""
SAME = 1 - 1e-6
"""Cosine from which a vector is another but for rounding."""
REPEATED = 5.0
"""Standard deviations that an entry gains whose caption repeats the query: more than names of its picture can."""
BLOCK_ROWS = 65536
"""Entries that are scored at once where a model's score is no inner product."""
DEDUPE_FACTOR = 4
"""With `distinct`, how many times k are looked at first, so that the last answers stand for theirs too."""
GROUPED_AT_ONCE = 512
"""Answers that are compared with each other in one product."""
EXTRA_CANDIDATES = 8
"""Candidates beyond k that are scored, since an engine may order scores by fewer digits."""
F = TypeVar("F", bound=np.floating[Any])
Stored: TypeAlias = "Callable[[Rows], tuple[Rows, Vectors]]"
"""Reads the vectors of some rows from the store: those that are still there, once each, and their vectors (N, D)."""


class Filter(NamedTuple):
    """The entries that may answer: those that meet a condition (for engines that take one), or rows, ascending."""

    where: Node | None = None
    rows: Rows | None = None


@dataclass(frozen=True)
class Scorer(ABC):
    """Scores entries for one request, calibrated on a sample of the collection."""

    calibration: Calibration

    @abstractmethod
    def nearest(self, engine: Engine, count: int, among: Filter) -> Rows:
        """Return rows (M,) with the `count` best among them, M ≥ `count` unless there are no others, in any order."""

    @abstractmethod
    def scores(self, vectors: Vectors) -> Direction:
        """Score vectors (N, D) as (N,)."""

    @property
    @abstractmethod
    def sampled(self) -> Direction:
        """Return the scores (U,) of the uniform sample of the collection."""

    @cached_property
    def spread(self) -> tuple[float, float]:
        """Return mean and standard deviation of the scores over the collection; the latter above 0."""
        return _spread(self.sampled)

    @property
    def unit(self) -> str:
        """Return the unit of shown scores; see `Hits`."""
        return "deviations" if self.calibration.channels else "cosine"

    def chance(self, score: float, count: int, *, exclude: Vectors | None = None) -> float | None:
        """Compute the probability of so high a best of `count` scores drawn from one normal distribution.

        1 − Φ(z)^count, z the score in standard deviations above the mean. None of fewer than `MIN_SAMPLE` entries. An
        answer that stands out of its collection has a chance near 0. exclude: vectors (M, D) of entries that cannot
        answer: the query's own picture would widen the spread of a small collection.
        """
        others = np.ones(self.calibration.uniform, dtype=bool)
        for vector in () if exclude is None else exclude:
            others &= (self.calibration.sample[: len(others)] != vector).any(axis=1)
        if count < MIN_SAMPLE or np.count_nonzero(others) < MIN_SAMPLE:
            return None
        mean, deviation = self.spread if others.all() else _spread(self.sampled[others])
        above = math.erfc((score - mean) / deviation / math.sqrt(2)) / 2
        return -math.expm1(count * math.log1p(-above)) if above < 1 else 1.0

    def display(self, score: float) -> float:
        """Return the score to show: the cosine, or standard deviations above the mean where sides are standardised."""
        mean, deviation = self.spread
        return (score - mean) / deviation if self.calibration.channels else score


@dataclass(frozen=True)
class LinearScorer(Scorer):
    """Scores each entry by the inner product with the direction of its pattern: directions (P, D + 1).

    sentences: vectors (D,) of what was asked by words alone; a caption that repeats one scores `repeated` more. mixed:
    captions are compared, and the directions are of more than one sentence: such a caption may be far from them.
    """

    directions: Directions
    sentences: Sequence[Vectors] = ()
    repeated: float = REPEATED
    mixed: bool = False

    @property
    def queries(self) -> Vectors:
        """Return the unit queries (P, D) whose nearest entries are the candidates."""
        queries = self.calibration.separated(self.directions)
        if not self.mixed or not self.repeated:
            return queries
        return np.stack([*queries, *(self.calibration.repeating(words, queries[0]) for words in self.sentences)])

    @cached_property
    def sampled(self) -> Direction:
        """Return the scores (U,) of the sample."""
        return self.calibration.scores(self.directions, self.calibration.sample[: self.calibration.uniform])

    def nearest(self, engine: Engine, count: int, among: Filter) -> Rows:
        """Let the engine find the best of every pattern."""
        return joined(engine.search(self.queries, count, where=among.where, rows=among.rows)[0])

    def scores(self, vectors: Vectors) -> Direction:
        """Compute d·x of unit vectors as ‖d‖ (1 − ‖x − d/‖d‖‖² / 2), which loses nothing between near duplicates."""
        lengths = np.linalg.norm(self.directions[:, :-1], axis=1)
        queries = (self.directions[:, :-1] / np.maximum(lengths, MIN_SPREAD)[:, None]).astype(np.float32)
        pattern = self.calibration.patterns(vectors)
        products = 1 - np.square(vectors.astype(np.float64) - queries[pattern]).sum(axis=1) / 2
        repeated = [self.calibration.repeats(sentence, vectors) for sentence in self.sentences]
        scores = lengths[pattern] * products + self.directions[pattern, -1] + self.repeated * np.sum(repeated, axis=0)
        return np.asarray(scores)


@dataclass(frozen=True)
class PairwiseScorer(Scorer):
    """Scores by a similarity that is no inner product, vectors (N, D) → (N,): every entry is scored."""

    similarity: Callable[[Vectors], Vectors]

    @property
    def unit(self) -> str:
        """Return the unit of shown scores."""
        return "deviations" if self.calibration.channels else "similarity"

    @cached_property
    def sampled(self) -> Direction:
        """Return the similarity (U,) of the sample."""
        return self.scores(self.calibration.sample[: self.calibration.uniform])

    def nearest(self, engine: Engine, count: int, among: Filter) -> Rows:
        """Score everything, a block at a time."""
        rows = among.rows
        if rows is None:
            raise ValueError("a pairwise score needs the rows to score")
        blocks = (rows[start : start + BLOCK_ROWS] for start in range(0, len(rows), BLOCK_ROWS))
        parts: list[NDArray[np.float32]] = [self.similarity(engine.vectors(block)) for block in blocks]
        scores = np.concatenate([np.empty(0), *parts])
        return np.asarray(rows[np.lexsort((rows, -scores))[:count]])

    def scores(self, vectors: Vectors) -> Direction:
        """Compute the similarity."""
        return np.asarray(self.similarity(vectors), dtype=np.float64) if len(vectors) else np.empty(0)


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
    stored: Stored,
    exclude: Collection[int] = (),
    distinct: float | None = None,
    blank: Vectors | None = None,
    first: Rows | None = None,
) -> list[Answer]:
    """Return the k best answers, best first, without the excluded rows.

    The engine finds candidates, which are scored by their vectors in the store: a damaged engine can miss an entry, but
    gives none a wrong score. among: the entries that may answer. distinct: a cosine; a picture at least so near to a
    better answer's is counted among its duplicates. blank: the vector (D,) of a picture in which the model sees
    nothing, which is no duplicate of another such. first: the result of `scorer.nearest` for `candidate_count` entries,
    where it is known.
    """
    count = candidate_count(k, len(exclude), distinct)
    while True:
        candidates, first = scorer.nearest(engine, count, among) if first is None else first, None
        rows, vectors = stored(candidates)
        scores = scorer.scores(vectors)
        order = [n for n in np.lexsort((rows, -scores)).tolist() if rows[n] not in exclude]
        kept = [Answer(int(rows[n]), float(scores[n])) for n in order]
        if distinct is not None:
            seen = without_blanks(vectors[order], blank)
            kept = _grouped(kept, seen[:, picture_block(scorer.calibration.channels)], distinct)
        if len(kept) >= k or len(candidates) < count:
            return kept[:k]
        count *= 4


def joined(rows: Rows) -> Rows:
    """Join the rows (P, k) that were found for the patterns of one query: ascending, none twice."""
    return np.array(sorted(set(rows.ravel().tolist())), dtype=np.int64)


def candidate_count(k: int, excluded: int, distinct: float | None) -> int:
    """Return how many candidates `rank` asks the engine for at first."""
    return (k if distinct is None else DEDUPE_FACTOR * k) + excluded + EXTRA_CANDIDATES


def _spread(scores: Direction) -> tuple[float, float]:
    """Return mean and standard deviation of scores, the latter above 0."""
    return (float(scores.mean()), max(float(scores.std()), MIN_SPREAD)) if len(scores) else (0.0, MIN_SPREAD)


def _grouped(answers: list[Answer], vectors: Vectors, cosine: float) -> list[Answer]:
    """Let each answer stand for later ones whose pictures (N, D) are near its own."""
    vectors = unit(vectors)
    duplicates: dict[int, list[int]] = {}
    for start in range(0, len(vectors), GROUPED_AT_ONCE):
        part, before = vectors[start : start + GROUPED_AT_ONCE], list(duplicates)
        # (L + B, B): the better answers, L of earlier blocks and those of this one, that each answer is near to.
        near = np.concatenate([vectors[before] @ part.T, part @ part.T]) >= cosine
        near[len(before) :] &= np.tri(len(part), k=-1, dtype=bool).T
        places = [*before, *range(start, start + len(part))]
        alone = np.logical_not(near.any(axis=0, keepdims=True))[0]
        standing = np.concatenate([np.ones(len(before), dtype=bool), alone])
        for n in range(len(part)):
            first = [] if alone[n] else np.flatnonzero(near[:, n] & standing)[:1].tolist()
            if first:
                duplicates[places[first[0]]].append(answers[start + n].row)
            else:
                duplicates[start + n] = []
                standing[len(before) + n] = True
    return [
        answers[first]._replace(duplicates=tuple(others)) if others else answers[first]
        for first, others in duplicates.items()
    ]


def without_blanks(vectors: Vectors, blank: Vectors | None) -> Vectors:
    """Return vectors (N, D) with zeros for those that are a blank's (D,): they have nothing by which to be alike."""
    if blank is None:
        return vectors
    return np.where((unit(vectors) @ unit(blank[None])[0] > SAME)[:, None], np.float32(0), vectors)


def unit(vectors: NDArray[F]) -> NDArray[F]:
    """Scale vectors (N, D) to unit length; one of zeros, such as a missing picture's, stays as it is."""
    scaled: NDArray[F] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True).clip(1e-12)
    return scaled
