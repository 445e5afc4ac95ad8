"""The head of towers that are compared side by side, in NumPy: fusion `calibrated` without torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twinlens.core.types import Arrays
from twinlens.models.runtime.parts import VECTORS

_Array = NDArray[np.float32]
_SHORTEST = 1e-12
"""Length below which a vector counts as none, as in torch's `normalize`."""


class Sides:
    """v = L2[blocks of x; L2(t); a; b]: equations are those of fusion `calibrated`.

    widths: of the blocks of a picture's vector. text_dim: of a text's.
    """

    def __init__(self, *, widths: Sequence[int], text_dim: int) -> None:
        self.widths, self.text_dim = tuple(map(int, widths)), int(text_dim)

    @property
    def arguments(self) -> dict[str, Any]:
        """Return what makes equal sides, as JSON."""
        return {"widths": list(self.widths), "text_dim": self.text_dim}

    def __call__(self, features: Arrays) -> Arrays:
        """Return the unit vectors (B, D) of towers' features."""
        rows = len(next(iter(features.values())))
        x, t = _side(features, "image", rows, sum(self.widths)), _side(features, "text", rows, self.text_dim)
        ends = np.cumsum(self.widths)[:-1]
        x, t = np.concatenate([_unit(block) for block in np.split(x, ends, axis=1)], axis=1), _unit(t)
        flags = [_missing(x) * np.float32(len(self.widths) ** 0.5), _missing(t)]
        return {VECTORS: _unit(np.concatenate([x, t, *flags], axis=1))}


def _side(features: Arrays, side: str, rows: int, width: int) -> _Array:
    """Return the vectors (B, width) of a side, joined over its encoders; zeros where it is missing."""
    found = sorted(name for name in features if name.split(".")[1:] == [side, "vector"])
    if not found:
        return np.zeros((rows, width), dtype=np.float32)
    vectors = np.concatenate([np.asarray(features[name], dtype=np.float32) for name in found], axis=1)
    present = features.get(found[0].removesuffix("vector") + "present")
    return vectors if present is None else np.where(present[:, None], vectors, np.float32(0))


def _unit(vectors: _Array) -> _Array:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, _SHORTEST), dtype=np.float32)


def _missing(vectors: _Array) -> _Array:
    """Return 1 for rows of zeros, else 0: (B, 1)."""
    return np.asarray(~vectors.any(axis=1, keepdims=True), dtype=np.float32)
