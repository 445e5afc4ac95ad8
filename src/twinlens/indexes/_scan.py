"""Linear scan: exact nearest rows at the speed of a matrix product."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from twinlens.indexes import Rows, Vectors

if TYPE_CHECKING:
    from twinlens.indexes._first_pass import FirstPass
    from twinlens.indexes._gpu import GpuRows

Squares = NDArray[np.float64]
"""Squared Euclidean distances."""
Candidates: TypeAlias = "Callable[[Vectors, slice, int], tuple[NDArray[np.float32], Rows]]"
"""Takes queries (Q, D), the columns that they use, and a count; returns estimates and rows (Q, count) of the rows with
the least estimates, in no order."""
QUERIES_PER_PRODUCT = 256
ESTIMATES_PER_PRODUCT = 1 << 21
"""8 MiB. Fewer queries take more rows at once, since each product costs a start."""
FIRST_ROWS = 4096
"""Rows of the first block, which gives the candidates that later rows must beat."""
EXTRA_CANDIDATES = 32
"""Candidates beyond k that are recomputed directly."""
GATHERED_SHARE = 8
"""A filter that leaves fewer than one row in so many is gathered; a wider one is masked, which copies nothing."""
GATHERED_NUMBERS = 1 << 22
"""Numbers that one step may gather in float64: 32 MiB."""
EPSILON = float(np.finfo(np.float32).eps)
FEW_QUERIES = 3
"""Queries up to which first passes are faster than one matrix product for all of them."""


class Scan:
    """Exact nearest rows of one matrix (N, D) by the way that was measured to be fastest here.

    norms (N,): as of `nearest`. Until `prepare` every row is read. is_tried: `prepare` has
    found out whether that is needed.
    """

    def __init__(self, vectors: Vectors, norms: NDArray[np.float32]) -> None:
        self.vectors, self.norms = vectors, norms
        self.on_gpu: GpuRows | None = None
        self.first_pass: FirstPass | None = None
        self.is_tried = False

    def prepare(self) -> bool:
        """Try a copy on the graphics card, else a first pass over 8-bit codes; return True if one is used from now on.

        Both are used only if they are faster, and neither changes an answer.
        """
        from twinlens.indexes._first_pass import first_pass  # whoever searches once needs none of it
        from twinlens.indexes._gpu import gpu_rows

        self.on_gpu = gpu_rows(self.vectors, self.norms)
        self.first_pass = None if self.on_gpu else first_pass(self.vectors, self.norms)
        self.is_tried = True
        return self.on_gpu is not None or self.first_pass is not None

    def nearest(self, queries: Vectors, k: int) -> tuple[Rows, Squares]:
        """Return rows and squared distances (Q, k); see `nearest`."""
        if self.on_gpu is not None:
            return self.on_gpu.nearest(queries, k)
        if self.first_pass is None or len(queries) > FEW_QUERIES:
            return nearest(self.vectors, self.norms, queries, k)
        found = [self.first_pass.nearest(query, k) for query in queries]
        return np.stack([rows for rows, _ in found]), np.stack([squares for _, squares in found])


def nearest(
    vectors: Vectors, norms: NDArray[np.float32], queries: Vectors, k: int, candidates: Candidates | None = None
) -> tuple[Rows, Squares]:
    """Return rows and squared distances (Q, k) of the nearest of vectors (N, D), by distance, then by row.

    1 ≤ k ≤ N. Estimates ‖x‖² − 2x·q (norms (N,) are the ‖x‖²) choose candidates, whose distances are then computed
    directly. The rounding error of the estimates is bounded, and all rows within the bound are candidates, so that the
    answer is exact. Memory stays bounded whatever N is. A row whose norm is infinite is never an answer. candidates:
    computes the estimates elsewhere.
    """
    starts = range(0, len(queries), QUERIES_PER_PRODUCT)
    chunks = (queries[start : start + QUERIES_PER_PRODUCT] for start in starts)
    parts = [_chunk(vectors, norms, chunk, k, candidates or partial(_candidates, vectors, norms)) for chunk in chunks]
    return np.concatenate([rows for rows, _ in parts]), np.concatenate([squares for _, squares in parts])


def nearest_among(
    vectors: Vectors, norms: NDArray[np.float32], queries: Vectors, k: int, rows: Rows
) -> tuple[Rows, Squares]:
    """Return rows and squared distances (Q, k) as `nearest`, among some rows (M,) alone, ascending; 1 ≤ k ≤ M."""
    if len(rows) * GATHERED_SHARE < len(vectors):
        found, squares = nearest(vectors[rows], norms[rows], queries, k)
        return rows[found], squares
    masked = np.full_like(norms, np.inf)
    masked[rows] = norms[rows]
    return nearest(vectors, masked, queries, k)


def direct(vectors: Vectors, rows: Rows, query: Vectors) -> Squares:
    """Return squared distances (R,) of one query (D,) to some rows of vectors (N, D): Σ (x − q)² in float64.

    Unlike ‖x‖² − 2x·q, this loses nothing between near duplicates, and equal vectors get equal distances.
    """
    step = max(1, GATHERED_NUMBERS // vectors.shape[1])
    if len(rows) > step:
        return np.concatenate([direct(vectors, rows[n : n + step], query) for n in range(0, len(rows), step)])
    away = vectors[rows].astype(np.float64)
    away -= query
    squares: Squares = np.add.reduce(np.square(away, out=away), axis=1)
    return squares


def best(vectors: Vectors, rows: Rows, query: Vectors, k: int) -> tuple[Rows, Squares]:
    """Return the k nearest of some rows, by their direct distance, then by row."""
    squares = direct(vectors, rows, query)
    order = np.lexsort((rows, squares))[:k]
    return rows[order], squares[order]


def squared_lengths(vectors: Vectors) -> Vectors:
    """Return ‖x‖² (N,) of vectors (N, D) without copying them, which may be mapped from the disk."""
    squares: Vectors = np.einsum("nd,nd->n", vectors, vectors)
    return squares


def _chunk(
    vectors: Vectors, norms: NDArray[np.float32], queries: Vectors, k: int, candidates: Candidates
) -> tuple[Rows, Squares]:
    used = _used_columns(queries)
    estimates, rows = candidates(queries, used, min(k + EXTRA_CANDIDATES, len(vectors)))
    limits = np.partition(estimates, k - 1, axis=1)[:, k - 1] + 2 * rounding(vectors, norms, queries)
    found = np.empty((len(queries), k), dtype=np.int64)
    squares = np.empty((len(queries), k))
    for n, (query, limit) in enumerate(zip(queries, limits, strict=True)):
        # A candidate beyond the limit proves that no row within it was left out.
        complete = rows.shape[1] == len(vectors) or estimates[n].max() > limit
        near = rows[n][np.isfinite(estimates[n])] if complete else _within(vectors[:, used], norms, query[used], limit)
        if len(near) < k:  # vectors that hold NaN, as in a damaged file, come last
            near = np.flatnonzero(np.isfinite(norms))
        found[n], squares[n] = best(vectors, near, query, k)
    return found, squares


def _used_columns(queries: Vectors) -> slice:
    """Return the columns outside which all queries are 0: a query of one block reads no other from memory."""
    used = np.flatnonzero(queries.any(axis=0))
    return slice(int(used[0]), int(used[-1]) + 1) if len(used) else slice(0, 1)


def _candidates(
    vectors: Vectors, norms: NDArray[np.float32], queries: Vectors, used: slice, count: int
) -> tuple[NDArray[np.float32], Rows]:
    vectors, queries = vectors[:, used], queries[:, used]
    values = np.full((len(queries), count), np.inf, dtype=np.float32)
    rows = np.zeros((len(queries), count), dtype=np.int64)
    step = max(1, ESTIMATES_PER_PRODUCT // len(queries))
    for start, end in pairwise([0, *range(FIRST_ROWS, len(vectors), step), len(vectors)]):
        estimates = _estimates(vectors[start:end], norms[start:end], queries)
        new, columns = _better(estimates, values.max(axis=1))
        values, rows = np.hstack([values, new]), np.hstack([rows, columns + start])
        chosen = np.argpartition(values, count - 1, axis=1)[:, :count]
        values, rows = np.take_along_axis(values, chosen, axis=1), np.take_along_axis(rows, chosen, axis=1)
    return values, rows


def _estimates(vectors: Vectors, norms: NDArray[np.float32], queries: Vectors) -> NDArray[np.float32]:
    """Return ‖x‖² − 2x·q as (Q, N), which orders the vectors of each query as their distances do."""
    estimates = queries @ vectors.T
    estimates *= -2
    estimates += norms
    return estimates


def _better(estimates: NDArray[np.float32], worst: NDArray[np.float32]) -> tuple[NDArray[np.float32], Rows]:
    """Return estimates (Q, W) below each query's worst candidate and their columns, padded with infinity.

    Comparing is far cheaper than sorting, and after the first blocks few rows pass.
    """
    queries, columns = np.divmod(np.flatnonzero(estimates < worst[:, None]), estimates.shape[1])
    counts = np.bincount(queries, minlength=len(estimates))
    place = np.arange(len(queries)) - np.repeat(np.cumsum(counts) - counts, counts)
    values = np.full((len(estimates), int(counts.max())), np.inf, dtype=np.float32)
    found = np.zeros(values.shape, dtype=np.int64)
    values[queries, place], found[queries, place] = estimates[queries, columns], columns
    return values, found


def rounding(vectors: Vectors, norms: NDArray[np.float32], queries: Vectors) -> NDArray[np.float64]:
    """Bound (Q,) the error of an estimate: (D + 4)·ε·‖x‖·(‖x‖ + 2‖q‖), in whatever order the sums were made."""
    longest = longest_of(norms)
    lengths = np.linalg.norm(queries.astype(np.float64), axis=1)
    bound: NDArray[np.float64] = (vectors.shape[1] + 4) * EPSILON * longest * (longest + 2 * lengths)
    return bound


def longest_of(norms: NDArray[np.float32]) -> float:
    """Return the largest length of rows by their squared lengths (N,), of those that are finite."""
    longest = float(norms.max(initial=0))
    if np.isinf(longest):  # masked rows
        longest = float(norms.max(where=np.isfinite(norms), initial=0))
    return math.sqrt(longest)


def _within(vectors: Vectors, norms: NDArray[np.float32], query: Vectors, limit: float) -> Rows:
    """Return all rows whose estimate does not exceed the limit: many near ties."""
    # The product may add up in another order than before; the limit holds for any order.
    return np.flatnonzero(_estimates(vectors, norms, query[None])[0] <= limit)
