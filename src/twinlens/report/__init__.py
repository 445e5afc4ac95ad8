"""Reports: tables, plots, result grids and the self-contained page; what people read of a result."""

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
        """From a bare number, or from {"mean", "ci95": [low, high]} as the results' JSON has it."""
        if not isinstance(figure, Mapping):
            return cls(float(figure), float(figure), float(figure))
        mean = float(figure["mean"])
        low, high = figure.get("ci95") or (mean, mean)
        return cls(mean, float(low), float(high))

    @property
    def spread(self) -> float:
        """The longer arm of the interval, so that mean ± spread never claims more than was measured."""
        return max(self.mean - self.low, self.high - self.mean)
