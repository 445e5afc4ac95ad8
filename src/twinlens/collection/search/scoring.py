"""What a search asks of a gallery, and what it answers."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np

from twinlens.calibration import Calibration, Direction
from twinlens.collection.store import Entry, Gallery, Vectors
from twinlens.core.types import Hit, Sample
from twinlens.indexes.exact import Exact

MIN_SAMPLE = 30
"""Entries below which no chance is told."""
DOUBTFUL = 0.05
"""The chance from which on an answer may well be none; docs/methods.md has what it was measured to find and to miss."""


LEAST = 1e-6
"""The least spread of scores that is divided by."""
BLOCK = 65536
"""Entries that are scored at once where a model's score is no inner product."""
Scored: TypeAlias = "list[tuple[int, float]]"
"""Rows with their scores, best first, the lower row first where scores are equal."""


@dataclass(frozen=True)
class Scorer(ABC):
    """What is searched for in a gallery, and what its scores are measured by."""

    gallery: Gallery
    calibration: Calibration

    @abstractmethod
    def nearest(self, indexes: Sequence[Exact], count: int) -> Scored:
        """The `count` best rows of the gallery's parts, each an index whose ids are row numbers."""

    @property
    @abstractmethod
    def spread(self) -> tuple[float, float]:
        """Mean and standard deviation of the scores over the collection; the latter above 0."""

    @property
    def pictures(self) -> slice:
        """Where in an entry's vector its picture is: everywhere, unless the model keeps pictures by themselves."""
        blocks = [channel.entry for channel in self.calibration.channels if channel.side == "image"]
        return blocks[0] if blocks else slice(None)

    def hits(self, found: Sequence[tuple[Entry | None, float, Sequence[int]]], among: int) -> Hits:
        """What people see of answers: entries (None: gone meanwhile), their cosines, and the rows that they stand for.

        found: best first; among: of how many.
        """
        hits = [
            Hit(Sample(str(entry.row), entry.path, entry.caption), self.score(cosine), tuple(map(str, others)))
            for entry, cosine, others in found
            if entry is not None
        ]
        return Hits(hits, chance=self.chance(found[0][1], among) if found else None)

    def chance(self, cosine: float, count: int) -> float | None:
        """How probable it is that the best of `count` scores lies as high, if they are all of one normal distribution.

        1 − Φ(z)^count, z the cosine in standard deviations above its mean. None of fewer than `MIN_SAMPLE` entries:
        their spread is not known well enough. An answer that stands out of its collection has a chance near 0.
        """
        if min(count, len(self.gallery)) < MIN_SAMPLE:
            return None
        mean, deviation = self.spread
        above = math.erfc((cosine - mean) / deviation / math.sqrt(2)) / 2
        return -math.expm1(count * math.log1p(-above)) if above < 1 else 1.0

    def score(self, cosine: float) -> float:
        """What people see of a cosine: itself, or standard deviations above the mean where sides were standardised."""
        mean, deviation = self.spread
        return (cosine - mean) / deviation if self.calibration.channels else cosine


@dataclass(frozen=True)
class LinearScorer(Scorer):
    """A direction (D,), of any length but 0: the score is the cosine with it."""

    direction: Direction

    @cached_property
    def unit(self) -> Direction:
        """The direction, of unit length."""
        return self.direction / float(np.linalg.norm(self.direction))

    @cached_property
    def spread(self) -> tuple[float, float]:
        """Of the cosine with the direction."""
        mean, deviation = self.calibration.spread(self.unit)
        return mean, max(deviation, LEAST)

    def nearest(self, indexes: Sequence[Exact], count: int) -> Scored:
        """By the indexes themselves."""
        found = []
        for index in indexes:
            (ids,), (scores,) = index.search(self.unit.astype(np.float32)[None], count)
            found += [(int(entry), float(score)) for entry, score in zip(ids, scores, strict=True)]
        return _best(found, count)


@dataclass(frozen=True)
class PairwiseScorer(Scorer):
    """A score that is no inner product, vectors (N, D) → (N,): every entry is scored."""

    rule: Callable[[Vectors], Vectors]

    @cached_property
    def spread(self) -> tuple[float, float]:
        """Of the rule's scores."""
        scores = self.rule(self.calibration.sample[: self.calibration.everyone])
        return (float(scores.mean()), max(float(scores.std()), LEAST)) if len(scores) else (0.0, LEAST)

    def nearest(self, indexes: Sequence[Exact], count: int) -> Scored:
        """By scoring all that the indexes hold."""
        found = []
        for index in indexes:
            vectors = index.vectors if index.vectors is not None else np.empty((0, 1), dtype=np.float32)
            parts = [self.rule(vectors[start : start + BLOCK]) for start in range(0, len(vectors), BLOCK)]
            scores = np.concatenate([np.empty(0, dtype=np.float32), *parts])
            best = np.argsort(-scores, kind="stable")[:count]
            found += [(int(index.ids[row]), float(scores[row])) for row in best]
        return _best(found, count)


def _best(found: Scored, count: int) -> Scored:
    return sorted(found, key=lambda pair: (-pair[1], pair[0]))[:count]


class Hits(list[Hit]):
    """The answers to a search, best first.

    chance: how probable an answer as good as the first would be if nothing in the collection suited the query better
    than the rest (see `Scorer.chance`); None where that cannot be said.
    """

    def __init__(self, hits: Iterable[Hit] = (), *, chance: float | None = None) -> None:
        super().__init__(hits)
        self.chance = chance

    @property
    def doubtful(self) -> bool:
        """Whether no answer stands out: probably nothing matches, or else nearly everything does."""
        return self.chance is not None and self.chance > DOUBTFUL
