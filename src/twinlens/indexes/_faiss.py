"""faiss as the other indexes use it: imported at the first use, trained on a sample, fed in blocks."""

from __future__ import annotations

from functools import cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from twinlens.core.extras import needed
from twinlens.indexes import Rows, Vectors

Codes = Literal["sq8", "flat"]
AT_ONCE = 1 << 15
"""Rows that are added at once."""
SPARE = 16
"""Candidates beyond the answers, and a quarter of these: 8-bit codes order near ones differently."""


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


def shortlists(structure: Any, queries: Vectors, count: int, how: Any, rows: int) -> list[Rows]:
    """Return for each query (Q, D) the rows that may be among its `count` nearest, of N rows in the structure."""
    found = _candidates(structure, np.ascontiguousarray(queries, np.float32), with_spare(count, rows), how)
    return [labels[(labels >= 0) & (labels < rows)] for labels in found]  # a damaged file may hold any number


def nearest(structure: Any, vectors: Vectors, queries: Vectors, k: int, how: Any) -> tuple[Rows, NDArray[np.float32]]:
    """Return the rows of vectors (N, D) and squared distances Σ (x − q)² in float32 (Q, k) of the nearest candidates.

    By distance, then by row; where fewer are found, rows of −1 fill up. By NumPy, comparing the vectors of a few
    candidates takes as long as the search by a graph that finds them.
    """
    queries, count = np.ascontiguousarray(queries, np.float32), with_spare(k, len(vectors))
    candidates, pointer = _candidates(structure, queries, count, how), faiss().swig_ptr
    squares, rows = np.empty((len(queries), k), np.float32), np.empty((len(queries), k), np.int64)
    # A candidate that is no row, with which faiss fills up, ends a list there.
    shape = queries.shape[1], len(queries), len(vectors), count, k
    given, results = (pointer(queries), pointer(vectors), pointer(candidates)), (pointer(squares), pointer(rows))
    faiss().knn_L2sqr_by_idx(*given, *shape, *results, count)
    return rows, squares


def _candidates(structure: Any, queries: Vectors, count: int, how: Any) -> Rows:
    """Return rows (Q, `count`), by ascending distances by the codes, as `structure.search` does."""
    pointer = faiss().swig_ptr
    squares, labels = np.empty((len(queries), count), np.float32), np.empty((len(queries), count), np.int64)
    structure.search_c(len(queries), pointer(queries), count, pointer(squares), pointer(labels), how)
    return labels


def with_spare(count: int, rows: int) -> int:
    """Return how many candidates to ask for so that `count` are among them in spite of the codes."""
    return min(rows, count + count // 4 + SPARE)
