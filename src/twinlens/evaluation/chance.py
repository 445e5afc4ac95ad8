"""Expected metrics of a random ranking: the floor that every figure stands on.

Notation: n candidates (entries that are not ignored), r of them relevant, in an order drawn uniformly from n!.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from twinlens.metrics import Mask, PerQuery


def shares_relevant(relevant: Mask, ignore: Mask) -> PerQuery:
    """Return r / n of every query (Q,)."""
    shares: PerQuery = (relevant & ~ignore).sum(axis=1) / (~ignore).sum(axis=1)
    return shares


def expected_metrics(
    relevant: Mask,
    ignore: Mask,
    *,
    rejected: Mask | None = None,
    siblings: NDArray[np.int64] | None = None,
    ks: Sequence[int] = (1, 5, 10),
) -> dict[str, PerQuery]:
    """Return the expectation of every metric of `metrics.per_query`, of every query (Q,), by the same names."""
    wanted = relevant & ~ignore
    sizes = np.stack([(~ignore).sum(axis=1), wanted.sum(axis=1)], axis=1)
    distinct, which = np.unique(sizes, axis=0, return_inverse=True)
    rows = [_of_sizes(int(n), int(r), ks) for n, r in distinct]
    values = {name: np.array([row[name] for row in rows])[which.ravel()] for name in rows[0]}
    if rejected is None:
        return values
    unwanted = rejected & ~ignore
    some = unwanted.any(axis=1)
    values["grounding_accuracy"] = np.where(some, 0.5, np.nan)
    judged = wanted.sum(axis=1) + unwanted.sum(axis=1)
    values |= {f"subset_recall@{k}": np.where(some, np.minimum(k, judged) / judged, np.nan) for k in ks}
    if siblings is not None:
        pairs = [len(np.intersect1d(siblings[a], siblings[b])) for a, b in zip(wanted, unwanted, strict=True)]
        values["matched_accuracy"] = np.where(np.array(pairs) > 0, 0.5, np.nan)
    return values


def _of_sizes(n: int, r: int, ks: Sequence[int]) -> dict[str, float]:
    """Return the expectations for one query.

    P(place i relevant) = r/n, and precision@i given that it is: (1 + (i − 1)·(r − 1)/(n − 1)) / i. The first i places
    hold no relevant entry with probability C(n − r, i) / C(n, i).
    """
    places = np.arange(1, n + 1)
    precision = r / n * (1 + (places - 1) * (r - 1) / max(n - 1, 1)) / places
    none_before = np.concatenate([[1.0], _miss(n, r)])  # none_before[i]: no relevant entry among the first i
    values = {"map": float(precision.sum() / r), "mrr": float((-np.diff(none_before) / places).sum())}
    for k in ks:
        within = min(k, n)
        values[f"hit@{k}"] = float(1 - none_before[within])
        values[f"precision@{k}"] = r * within / (n * k)
        values[f"recall@{k}"] = within / n
        values[f"map@{k}"] = float(precision[:within].sum() / min(r, k))
    return values


def _miss(n: int, r: int) -> NDArray[np.float64]:
    """Return C(n − r, i) / C(n, i) for i = 1 … n, by logarithms of factorials."""
    places = np.arange(1, n + 1)
    left = np.maximum(n - r - places, 0)
    log = gammaln(n - r + 1) - gammaln(left + 1) - gammaln(n + 1) + gammaln(n - places + 1)
    missed: NDArray[np.float64] = np.where(places <= n - r, np.exp(log), 0.0)
    return missed
