"""Trials whether another way to find the nearest rows is faster than the scan, here and on these rows."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from twinlens.indexes import Vectors
from twinlens.indexes._scan import nearest

TRIALS = 5
GAIN = 0.8
"""Share of the scan's time that another way must not exceed to be used."""


def is_faster(search: Callable[[Vectors, int], object], vectors: Vectors, norms: Vectors) -> bool:
    """Return True if a search for the k nearest of a query (1, D) takes less than `GAIN` of the scan's time.

    vectors, norms: rows (N, D) and their squared lengths (N,); some rows are the queries. False where none can be.
    """
    queries = vectors[:: max(1, len(vectors) // TRIALS)][:TRIALS]
    queries = queries[np.isfinite(queries).all(axis=1)]
    k = min(10, int(np.isfinite(norms).sum()))
    if not len(queries) or not k:
        return False
    slow = _least(lambda query: nearest(vectors, norms, query, k), queries)
    return _least(lambda query: search(query, k), queries) < GAIN * slow


def _least(search: Callable[[Vectors], object], queries: Vectors) -> float:
    """Return the least seconds of a search, which other work on the machine changes little."""
    times = []
    for n in range(len(queries)):
        begun = time.perf_counter()
        search(queries[n : n + 1])
        times.append(time.perf_counter() - begun)
    return min(times)
