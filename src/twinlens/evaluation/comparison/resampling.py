"""Intervals and tests that know two sources of chance: which queries were asked, and which seeds were drawn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Values: TypeAlias = NDArray[np.float64]
"""(S, Q): the value of every query in the run of every seed; NaN for a query without one."""

SAMPLES = 2000
TESTS = 10_000
"""Bootstrap samples of a test, more than of an interval: its p is corrected for the number of methods."""
_CELLS = 2**22  # of a matrix of draws processed at a time


def interval(values: Values, groups: Sequence[str], *, seed: int = 0) -> dict[str, Any]:
    """Return {"mean", "ci95", "std", "seeds"}: 95 % percentile interval by bootstrap over groups and seeds.

    std: over the seeds' own means, `seeds`; None for a single seed. ci95: None for a single group.
    """
    by_seed = np.nanmean(values, axis=1)
    spread = float(by_seed.std(ddof=1)) if len(by_seed) > 1 else None
    drawn = np.concatenate(list(_resampled([values], groups, seed, SAMPLES)), axis=1)[0]
    ci95 = list(_percentiles(drawn)) if len(set(groups)) > 1 else None
    return {"mean": float(by_seed.mean()), "std": spread, "ci95": ci95, "seeds": by_seed.tolist()}


def difference(first: Values, second: Values, groups: Sequence[str], *, seed: int = 0) -> dict[str, Any]:
    """Return {"mean", "ci95", "p_value"} of first − second: the same groups are drawn for both, seeds for each.

    p = (1 + |samples with |d* − d| ≥ |d||) / (1 + samples) for the difference d and its resampled values d*: how often
    chance alone, in queries and seeds, moves the difference by as much as it is away from none.
    """
    mean = float(np.nanmean(first) - np.nanmean(second))
    parts = [part[0] - part[1] for part in _resampled([first, second], groups, seed, TESTS)]
    drawn = np.concatenate(parts)
    extreme = int((abs(drawn - mean) >= abs(mean) * (1 - 1e-12)).sum())
    return {"mean": mean, "ci95": list(_percentiles(drawn)), "p_value": (1 + extreme) / (1 + len(drawn))}


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Correct p-values for their number by Holm's step-down method (Holm 1979)."""
    corrected, largest = {}, 0.0
    for number, name in enumerate(sorted(p_values, key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - number) * p_values[name]))
        corrected[name] = largest
    return corrected


def _resampled(runs: Sequence[Values], groups: Sequence[str], seed: int, samples: int) -> Iterator[Values]:
    """Yield blocks (runs, n) of the means of bootstrap samples, `samples` in all.

    G of G groups are drawn with replacement, and of S seeds S − 1 (Rao & Wu 1988): of a handful of seeds, S draws
    would have a variance that is too small by (S − 1) / S. A single seed is kept.
    """
    _, members = np.unique(np.asarray(groups), return_inverse=True)
    count = int(members.max()) + 1
    queries, seeds = np.random.default_rng([seed, 0]), np.random.default_rng([seed, 1])
    sums = [np.stack([_by_group(members, row) for row in np.nan_to_num(run)]) for run in runs]
    sizes = [_by_group(members, 1.0 - np.isnan(run[0])) for run in runs]
    for start in range(0, samples, max(1, _CELLS // count)):
        n = min(max(1, _CELLS // count), samples - start)
        drawn = queries.multinomial(count, np.full(count, 1 / count), size=n).astype(np.float64)  # (n, G)
        yield np.stack([_mean(drawn, of, size, seeds) for of, size in zip(sums, sizes, strict=True)])


def _by_group(members: NDArray[np.int64], values: Values) -> Values:
    """Add up values (Q,) by group: (G,)."""
    return np.bincount(members, values).astype(np.float64)


def _mean(drawn: Values, sums: Values, sizes: Values, rng: np.random.Generator) -> Values:
    """Average over the drawn groups, then over seeds drawn for each sample: (n,)."""
    by_seed = (drawn @ sums.T) / np.maximum(drawn @ sizes, 1)[:, None]  # (n, S)
    number = by_seed.shape[1]
    draws = max(1, number - 1)
    weights = rng.multinomial(draws, np.full(number, 1 / number), size=len(drawn)) / draws
    mean: Values = (by_seed * weights).sum(axis=1)
    return mean


def _percentiles(drawn: Values) -> tuple[float, float]:
    low, high = np.percentile(drawn, (2.5, 97.5))
    return float(low), float(high)
