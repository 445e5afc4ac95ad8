"""What a search asks of a gallery, and what it answers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from twinlens.calibration import Calibration, Direction
from twinlens.store import Entry, Gallery, Vectors
from twinlens.types import Hit, Sample

FEW = 30
"""Entries below which no chance is told."""
DOUBTFUL = 0.05
"""The chance from which on an answer may well be none; docs/methods.md has what it was measured to find and to miss."""


@dataclass(frozen=True)
class Asked:
    """A direction (D,) to search for in a gallery, and what its scores are measured by."""

    gallery: Gallery
    calibration: Calibration
    direction: Direction

    @cached_property
    def length(self) -> float:
        """Of the direction; never 0."""
        return float(np.linalg.norm(self.direction))

    @cached_property
    def unit(self) -> Vectors:
        """The direction as a query of an index (1, D)."""
        return np.asarray(self.direction / self.length, dtype=np.float32)[None]

    @property
    def pictures(self) -> slice:
        """Where in an entry's vector its picture is: everywhere, unless the model keeps pictures by themselves."""
        blocks = [channel.shown for channel in self.calibration.channels if channel.side == "image"]
        return blocks[0] if blocks else slice(None)

    @cached_property
    def spread(self) -> tuple[float, float]:
        """Mean and standard deviation over the collection of the cosine with the direction."""
        mean, deviation = self.calibration.spread(self.direction / self.length)
        return mean, max(deviation, 1e-6)

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

        1 − Φ(z)^count, z the cosine in standard deviations above its mean. None of fewer than `FEW` entries: their
        spread is not known well enough. An answer that stands out of its collection has a chance near 0.
        """
        if min(count, len(self.gallery)) < FEW:
            return None
        mean, deviation = self.spread
        above = math.erfc((cosine - mean) / deviation / math.sqrt(2)) / 2
        return -math.expm1(count * math.log1p(-above)) if above < 1 else 1.0

    def score(self, cosine: float) -> float:
        """What people see of a cosine: itself, or standard deviations above the mean where sides were standardised."""
        mean, deviation = self.spread
        return (cosine - mean) / deviation if self.calibration.channels else cosine


class Hits(list[Hit]):
    """The answers to a search, best first.

    chance: how probable an answer as good as the first would be if nothing in the collection suited the query better
    than the rest (see `Asked.chance`); None where that cannot be said.
    """

    def __init__(self, hits: Iterable[Hit] = (), *, chance: float | None = None) -> None:
        super().__init__(hits)
        self.chance = chance

    @property
    def doubtful(self) -> bool:
        """Whether no answer stands out: probably nothing matches, or else nearly everything does."""
        return self.chance is not None and self.chance > DOUBTFUL
