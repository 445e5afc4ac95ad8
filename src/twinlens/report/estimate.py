"""A measured figure with its interval, as reports show it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Self


class Estimate(NamedTuple):
    """A measured figure and the ends of its 95 % interval, in the figure's own unit."""

    mean: float
    low: float
    high: float

    @classmethod
    def from_json(cls, figure: float | Mapping[str, Any]) -> Self:
        """Read a bare number, or the {"mean", "ci95": [low, high]} of a result's JSON."""
        if not isinstance(figure, Mapping):
            return cls(float(figure), float(figure), float(figure))
        mean = float(figure["mean"])
        low, high = figure.get("ci95") or (mean, mean)
        return cls(mean, float(low), float(high))

    @property
    def spread(self) -> float:
        """The longer arm of the interval: mean ± spread must not claim more than was measured."""
        return max(self.mean - self.low, self.high - self.mean)
