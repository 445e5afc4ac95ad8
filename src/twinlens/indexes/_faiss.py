"""faiss as the other indexes use it: imported at the first use, trained on a sample, fed in blocks."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping
from functools import cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from twinlens.core.extras import needed
from twinlens.indexes import Rows, Vectors
from twinlens.indexes._scan import direct

Codes = Literal["sq8", "flat"]
AT_ONCE = 1 << 15
"""Rows that are added at once."""
SPARE = 16
"""Candidates beyond the answers, and a quarter of these: 8-bit codes order near ones differently."""
TRIED = 256
"""Entries whose distances by codes are compared with those by vectors."""


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


def shortlists(structure: Any, queries: Vectors, count: int, how: Any, rows: int, slack: float) -> list[Rows]:
    """Return for each query (Q, D) the rows that may be among its `count` nearest, of N rows in the structure.

    slack: as of `slack_of`. Candidates that are further behind by their codes than it explains are left out: comparing
    28 vectors takes half as long as a search by a graph.
    """
    found = _search(structure, queries, with_spare(count, rows), how)
    return [_near(*line, count, rows, slack) for line in zip(*found, strict=True)]


def slack_of(structure: Any, vectors: Vectors, how: Any) -> float:
    """Return how far distances by the codes are off: the largest |s − d²| / d of squared distances s by the codes and
    d² by the vectors (N, D), of the candidates for some entries.

    A code is off by a vector e, and s by 2(x − q)·e + ‖e‖², which grows with the distance d.
    """
    entries = sample(vectors, TRIED, seed=0)
    squares, labels = structure.search(entries, with_spare(1, len(vectors)), params=how)
    most = 0.0
    for query, line, by_codes in zip(entries, labels, squares.astype(np.float64), strict=True):
        right = direct(vectors, np.maximum(line, 0), query)
        others = (line >= 0) & (right > 0)  # the entry itself has no distance
        off = np.abs(by_codes - right)[others] / np.sqrt(right[others])
        most = max(most, float(off.max(initial=0)))
    return most


def slack_in(arrays: Mapping[str, NDArray[Any]]) -> float:
    """Return the slack that a file has; without one all candidates are compared."""
    return float(arrays["slack"][0]) if "slack" in arrays else math.inf


def _search(structure: Any, queries: Vectors, count: int, how: Any) -> tuple[Vectors, Rows]:
    """Return squared distances by the codes and rows (Q, `count`), ascending, as `structure.search` does."""
    pointer = faiss().swig_ptr
    distances, labels = np.empty((len(queries), count), np.float32), np.empty((len(queries), count), np.int64)
    queries = np.ascontiguousarray(queries, np.float32)
    structure.search_c(len(queries), pointer(queries), count, pointer(distances), pointer(labels), how)
    return distances, labels


def _near(distances: Vectors, labels: Rows, count: int, rows: int, slack: float) -> Rows:
    """Return the rows of one query, of candidates by ascending squared distances."""
    # A search by a graph takes a tenth of a millisecond: lists of a few numbers are read faster than arrays.
    squares = distances.tolist()
    last = squares[count - 1]
    near = labels[: bisect_right(squares, last + 2 * slack * math.sqrt(last))]
    numbers = near.tolist()
    if min(numbers, default=0) >= 0 and max(numbers, default=0) < rows:
        return near
    return near[(near >= 0) & (near < rows)]  # faiss fills up with -1, and a damaged file may hold any number


def with_spare(count: int, rows: int) -> int:
    """Return how many candidates to ask for so that `count` are among them in spite of the codes."""
    return min(rows, count + count // 4 + SPARE)
