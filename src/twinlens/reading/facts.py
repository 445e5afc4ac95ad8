"""Facts: a picture's items as one vector, and statements as directions in the same space.

NumPy only. A fact is a meaning, executed on the items: true 1, false 0. `FactSpace.fit` projects facts; `vectors`
embeds scenes, and `direction` turns any meaning into a vector whose inner product with a scene's tells how likely the
meaning is true of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from twinlens.reading.execution import Execution
from twinlens.reading.forms import MOST_ITEMS
from twinlens.reading.meanings import Meaning
from twinlens.reading.table import Mask, Table

Array = NDArray[np.float32]
RIDGE = 0.3
"""Weight λ of the squared length of a direction, beside the squared errors on the drawn scenes."""
LEAST_SHARE = 0.004
"""Least share of scenes of which a fact is true, and of which it is false."""
PLACES_WEIGHT = 0.5
"""Share of a vector's squared length that tells what stands in which box."""
_AT_ONCE = 1024  # scenes that are executed together


@dataclass(frozen=True)
class Projection:
    """A map of P facts to unit vectors (d,): the first principal axes of the centred facts over drawn scenes.

    axes (P, d): whole numbers from −127 to 127, in units of `scale` (d,). mean (P,): shares of scenes.
    """

    mean: Array
    axes: NDArray[np.int8]
    scale: Array

    @classmethod
    def fit(cls, facts: Mask, width: int) -> Projection:
        """Fit the axes to facts (N, P) of drawn scenes."""
        centred = facts.astype(np.float32)
        mean = centred.mean(axis=0)
        centred -= mean
        _, vectors = np.linalg.eigh(centred.T @ centred)  # ascending
        axes, scale = quantise(np.asarray(vectors[:, ::-1][:, :width], dtype=np.float32))
        return cls(mean, axes, scale)

    def __call__(self, facts: Mask) -> Array:
        """Project facts (N, P) to unit vectors (N, d)."""
        projected = (facts.astype(np.float32) - self.mean) @ self._axes
        length = np.linalg.norm(projected, axis=1, keepdims=True)
        return np.asarray(projected / np.maximum(length, 1e-12), dtype=np.float32)

    @cached_property
    def _axes(self) -> Array:
        return self.axes * self.scale


@dataclass(frozen=True)
class FactSpace:
    """Facts of pictures and of their boxes, their projections, and the drawn scenes on which directions are fitted.

    picture, box: the facts. A vector is √(1 − w) p ⊕ √(w/3) (b₁ ⊕ b₂ ⊕ b₃), w = PLACES_WEIGHT: p projects the facts of
    the picture, which no order of its boxes changes, b those of each box alone. scenes (M, 3, 8, 5): the arrays of a
    table. examples (M, d): p of these scenes, in units of `examples_scale` (d,).
    """

    picture: tuple[Meaning, ...]
    box: tuple[Meaning, ...]
    of_picture: Projection
    of_box: Projection
    scenes: NDArray[np.int8]
    examples: NDArray[np.int8]
    examples_scale: Array

    @classmethod
    def fit(
        cls, picture: Sequence[Meaning], box: Sequence[Meaning], table: Table, *, width: int, box_width: int, keep: int
    ) -> FactSpace:
        """Fit the projections on drawn scenes (N, 3, 8), and keep the first `keep` of them for directions."""
        facts = executed(table, picture)
        of_picture = Projection.fit(facts, width)
        of_box = Projection.fit(executed(table.boxes_alone, box), box_width)
        examples, scale = quantise(of_picture(facts[:keep]))
        room = ((0, 0), (0, 0), (0, MOST_ITEMS - table.size.shape[2]), (0, 0))
        scenes = np.pad(table.arrays[:keep].astype(np.int8), room, constant_values=-1)
        return cls(tuple(picture), tuple(box), of_picture, of_box, scenes, examples, scale)

    @property
    def width(self) -> int:
        """Return the width D of a vector."""
        return int(self.of_picture.axes.shape[1] + self.scenes.shape[1] * self.of_box.axes.shape[1])

    def vectors(self, table: Table) -> Array:
        """Embed scenes of three boxes as unit vectors (N, D)."""
        whole = self.of_picture(executed(table, self.picture))
        boxes = self.of_box(executed(table.boxes_alone, self.box)).reshape(len(whole), self.width - whole.shape[1])
        parts = (np.sqrt(1 - PLACES_WEIGHT) * whole, np.sqrt(PLACES_WEIGHT / table.size.shape[1]) * boxes)
        return np.concatenate(parts, axis=1).astype(np.float32)

    def direction(self, meaning: Meaning) -> Array:
        """Return the direction (D,) of a meaning: ridge regression of its truth on the drawn scenes, of unit length.

        w = (PᵀP + λI)⁻¹ Pᵀ(y − ȳ), rows of P the centred vectors p of M scenes, y (M,) the truth; zero in the part of
        single boxes, as meanings speak of no place. A meaning true of all or of none of the scenes has zeros.
        """
        return np.asarray(self.directions(self._drawn.truth(meaning)[None])[0])

    def directions(self, truths: Mask) -> Array:
        """Return the directions (Q, D) of meanings with these truths (Q, M) on the drawn scenes."""
        centred = truths - truths.mean(axis=1, keepdims=True, dtype=np.float32)
        weights = centred @ self._solver
        length = np.linalg.norm(weights, axis=1, keepdims=True)
        directions = np.zeros((len(truths), self.width), dtype=np.float32)
        directions[:, : weights.shape[1]] = np.where(length > 1e-9, weights / np.maximum(length, 1e-9), 0)
        return directions

    def truths(self, meanings: Sequence[Meaning]) -> Mask:
        """Execute meanings on the drawn scenes: (Q, M)."""
        return self._drawn.truths(meanings).T

    @cached_property
    def _drawn(self) -> Execution:
        return Execution(Table.from_arrays(self.scenes))

    @cached_property
    def _solver(self) -> Array:
        """P (PᵀP + λI)⁻¹ of the drawn scenes (M, d)."""
        examples = self.examples * self.examples_scale
        examples -= examples.mean(axis=0)
        products = examples.T @ examples + RIDGE * np.eye(examples.shape[1], dtype=np.float32)
        return np.asarray(np.linalg.solve(products, examples.T).T, dtype=np.float32)


def executed(table: Table, meanings: Sequence[Meaning]) -> Mask:
    """Execute F meanings on N scenes (N, F), some scenes at once."""
    starts = range(0, len(table.occupied), _AT_ONCE)
    parts = [Execution(table.part(slice(start, start + _AT_ONCE))).truths(meanings) for start in starts]
    return np.concatenate(parts) if parts else np.zeros((0, len(meanings)), dtype=np.bool_)


def different(draw: Callable[[], Meaning], table: Table, count: int) -> list[Meaning]:
    """Draw meanings that are neither always true of these scenes nor never, until `count` differ in their truth."""
    execution, found = Execution(table), dict[bytes, Meaning]()
    while len(found) < count:
        meaning = draw()
        true = execution.truth(meaning)
        if LEAST_SHARE <= true.mean() <= 1 - LEAST_SHARE:
            found.setdefault(min(true.tobytes(), (~true).tobytes()), meaning)
    return list(found.values())


def quantise(values: Array) -> tuple[NDArray[np.int8], Array]:
    """Round columns (N, d) to whole numbers from −127 to 127, and return them with the columns' units (d,)."""
    scale = np.maximum(np.abs(values).max(axis=0), 1e-12) / 127
    return np.rint(values / scale).astype(np.int8), scale.astype(np.float32)
