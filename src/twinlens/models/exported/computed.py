"""Towers without a graph: their preparation computes the features by itself, in NumPy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, cast

from twinlens.core.types import Arrays
from twinlens.models.runtime.parts import Tower
from twinlens.preparation import Preparation


class Computing(Protocol):
    """Preparations that compute features of what they have prepared."""

    def features(self, arrays: Arrays, /) -> Arrays:
        """Return features by side and field, "image.vector", of stacked arrays (B, …)."""


class ComputedTower:
    """A tower that a preparation computes."""

    def __init__(self, preparation: Computing, tower: Tower) -> None:
        self.preparation, self.tower = preparation, tower

    def __call__(self, arrays: Arrays) -> Arrays:
        """Return the tower's features of stacked arrays."""
        found = self.preparation.features({key.partition(".")[2]: arrays[key] for key in self.tower.inputs})
        return {name: found[name.partition(".")[2]] for name in self.tower.outputs}


def computing(preparations: Sequence[Preparation]) -> Computing | None:
    """Return the preparation of an encoder that computes its features; None for none."""
    return next((cast("Computing", one) for one in preparations if hasattr(one, "features")), None)
