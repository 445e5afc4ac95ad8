"""What a search asks of a gallery, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from twinlens.calibration import Calibration, Direction
from twinlens.store import Gallery, Vectors
from twinlens.types import Hit


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

    @cached_property
    def spread(self) -> tuple[float, float]:
        """Mean and standard deviation over the collection of the cosine with the direction."""
        mean, deviation = self.calibration.spread(self.direction / self.length)
        return mean, max(deviation, 1e-6)

    def score(self, cosine: float) -> float:
        """What people see of a cosine: itself, or standard deviations above the mean where sides were standardised."""
        mean, deviation = self.spread
        return (cosine - mean) / deviation if self.calibration.channels else cosine


class Hits(list[Hit]):
    """The answers to a search, best first."""
