"""Exact scans by a first pass over 8-bit codes, which proves that no nearer row was left out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from twinlens.indexes import Rows, Vectors
from twinlens.indexes._codes import Codes, most_levels
from twinlens.indexes._scan import Squares, best, direct, longest_of, nearest, rounding
from twinlens.indexes._trial import is_faster

MIN_ROWS = 1 << 16
"""Rows below which a scan takes no longer than the first pass could save."""
RESCORED_SHARE = 32
"""One row in so many may be compared directly; if more might be among the nearest, all are scanned."""
GROUP = 64
"""Rows whose least estimate is taken together in the search for a first limit."""


class FirstPass:
    """The codes of a matrix (N, D) and what they are of.

    norms (N,): squared lengths, infinite for rows that are never answers. fallbacks: queries for which too little was
    proved.
    """

    def __init__(self, vectors: Vectors, norms: Vectors) -> None:
        self.vectors, self.norms, self.codes = vectors, norms, Codes(vectors)
        self.fallbacks = 0

    def nearest(self, query: Vectors, k: int) -> tuple[Rows, Squares]:
        """Return the k nearest rows of one query (D,) and their squared distances."""
        answer = proved(self.vectors, self.norms, self.codes, query, k)
        if answer is not None:
            return answer
        self.fallbacks += 1
        rows, squares = nearest(self.vectors, self.norms, query[None], k)
        return rows[0], squares[0]


def first_pass(vectors: Vectors, norms: Vectors) -> FirstPass | None:
    """Code the rows of a matrix, and try some of them as queries; None where single queries are not faster so."""
    if len(vectors) < MIN_ROWS or not most_levels():
        return None
    made = FirstPass(vectors, norms)
    return made if is_faster(lambda query, k: proved(vectors, norms, made.codes, query[0], k), vectors, norms) else None


def proved(vectors: Vectors, norms: Vectors, codes: Codes, query: Vectors, k: int) -> tuple[Rows, Squares] | None:
    """Return the k nearest rows of one query (D,) and their squared distances, by distance, then by row.

    With estimates x̂·q̂ of the inner products, |x·q − x̂·q̂| ≤ ‖q‖·‖x − x̂‖ + ‖x̂‖·‖q − q̂‖ (Cauchy–Schwarz), where ‖q‖ is
    over the coded columns alone: in the others x̂ is x. The distance of the k-th best of some rows is a limit; every row
    that may lie within it, by this bound and that of rounding, is compared directly. None where too many may: nothing
    is proved then.
    """
    products, query_error, coded_length = codes.products(query)
    estimates = norms + products
    first = _lowest(estimates, k)
    if len(first) < k or len(first) * RESCORED_SHARE > len(vectors):
        return None
    length = float(np.linalg.norm(query.astype(np.float64)))
    limit = np.partition(direct(vectors, first, query), k - 1)[k - 1] - length**2
    limit += 2 * query_error * (longest_of(norms) + codes.largest_error)
    limit += 2 * float(rounding(vectors, norms, query[None])[0])
    # Few rows are within the bound of the largest error; only theirs is looked up.
    widest = np.float32(limit + 2 * coded_length * codes.largest_error)
    near = np.flatnonzero(estimates <= np.nextafter(widest, np.float32(np.inf)))
    near = near[estimates[near] - 2 * coded_length * codes.errors[near].astype(np.float64) <= limit]
    if len(near) < k or len(near) * RESCORED_SHARE > len(vectors):  # fewer: vectors hold NaN, as in a damaged file
        return None
    return best(vectors, near, query, k)


def _lowest(estimates: NDArray[np.float32], k: int) -> Rows:
    """Return rows with the least estimates, at least k of them where so many are finite, in no order.

    The k-th least of the least estimates of disjoint groups is no lower than the k-th least of all.
    """
    groups = len(estimates) // GROUP
    least = estimates[: GROUP * groups].reshape(GROUP, groups).min(axis=0)
    limit = np.partition(least, k - 1)[k - 1] if groups >= k else np.inf
    found = np.flatnonzero(estimates <= limit)
    return found[np.isfinite(estimates[found])]
