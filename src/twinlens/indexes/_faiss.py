"""faiss as the other indexes use it: imported at the first use, trained on a sample, fed in blocks."""

from __future__ import annotations

from functools import cache
from typing import Any, Literal

import numpy as np

from twinlens.core.extras import needed
from twinlens.indexes import Rows, Vectors

Codes = Literal["sq8", "flat"]
AT_ONCE = 1 << 15
"""Rows that are added at once."""
SPARE = 16
"""Rows of a shortlist beyond the answers, and a quarter of these: 8-bit codes order near ones differently."""


@cache
def faiss() -> Any:
    """Return the module. Raises MissingExtraError, which names the extra, where it is not installed."""
    with needed():
        import faiss as module
    return module


@cache
def probing(probes: int) -> Any:
    """Return the parameters of a search in so many cells."""
    return faiss().SearchParametersIVF(nprobe=probes)


@cache
def beaming(width: int) -> Any:
    """Return the parameters of a search by a beam of a width."""
    return faiss().SearchParametersHNSW(efSearch=width)


def add(index: Any, vectors: Vectors) -> None:
    """Add rows in blocks, so that a mapped matrix is not copied as a whole."""
    for start in range(0, len(vectors), AT_ONCE):
        index.add(np.ascontiguousarray(vectors[start : start + AT_ONCE], dtype=np.float32))


def sample(vectors: Vectors, count: int, seed: int) -> Vectors:
    """Return `count` rows drawn at random, ascending; all where there are no more."""
    if len(vectors) <= count:
        return np.ascontiguousarray(vectors, dtype=np.float32)
    rows = np.random.default_rng(seed).choice(len(vectors), count, replace=False)
    return np.ascontiguousarray(vectors[np.sort(rows)], dtype=np.float32)


def found(labels: Rows, rows: int) -> list[Rows]:
    """Return the rows of each query without the −1 that faiss fills up with, nor numbers of no row."""
    return [line[(line >= 0) & (line < rows)] for line in labels]


def with_spare(count: int, rows: int) -> int:
    """Return how many candidates to ask for so that `count` are among them in spite of the codes."""
    return min(rows, count + count // 4 + SPARE)
