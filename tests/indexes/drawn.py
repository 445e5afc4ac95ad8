"""Vectors around centres, as those of pictures are."""

from __future__ import annotations

import numpy as np


def clustered(count: int, width: int = 24, *, centres: int = 40, spread: float = 0.5, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    middles = np.random.default_rng(99).standard_normal((centres, width))
    vectors = middles[rng.integers(0, centres, count)] + spread * rng.standard_normal((count, width))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def recall(found: np.ndarray, truth: np.ndarray) -> float:
    return float(np.mean([np.isin(one, other).mean() for one, other in zip(truth, found, strict=True)]))
