"""Metrics of score matrices, query by query, and intervals of their means.

Scores are (Q, N), one row per query and one column per gallery entry, higher is nearer; of equal scores the earlier
column ranks first. Notation: relevant entries answer the query, k is the number of places that count.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

from twinlens.core.types import Ranking

Scores: TypeAlias = NDArray[np.float32]
"""(Q, N): how near each gallery entry is to each query; finite, higher is nearer."""
Mask: TypeAlias = NDArray[np.bool_]
"""(Q, N): which gallery entries stand in some relation (relevant, rejected, ignored) to each query."""
PerQuery: TypeAlias = NDArray[np.float64]
"""(Q,): one value per query."""


class Summary(NamedTuple):
    """A mean, its spread and its 95 % interval; spread and interval are None where the data cannot tell them."""

    mean: float
    std: float | None
    ci95: tuple[float, float] | None


class Difference(NamedTuple):
    """How much a first method's mean exceeds a second's: 95 % interval, and the p-value of no difference."""

    mean: float
    ci95: tuple[float, float]
    p_value: float


_LAST = np.uint64(0xFFFFFFFFFFFFFFFF)
_CELLS = 2**22  # of a score matrix that are worked on at a time: tens of megabytes, whatever Q and N are


def grounding_accuracy(relevant: Sequence[float], rejected: Sequence[float]) -> float:
    """How often an entry for which the query is true scores above one for which it is false; ties count a half.

    (|pairs with s⁺ > s⁻| + |pairs with s⁺ = s⁻| / 2) / |pairs|, which is the area under the ROC curve; chance is .5.
    NaN when either side is empty.
    """
    if not len(relevant) or not len(rejected):
        return float("nan")
    difference = np.subtract.outer(np.asarray(relevant), np.asarray(rejected))
    return float(((difference > 0) + 0.5 * (difference == 0)).mean())


def mask(sets: Mapping[str, frozenset[str]], query_ids: Sequence[str], gallery_ids: Sequence[str]) -> Mask:
    """`relevant`, `rejected` or `ignore` of a Dataset as a matrix (Q, N); ids outside the gallery are passed over."""
    columns = {entry: column for column, entry in enumerate(gallery_ids)}
    matrix = np.zeros((len(query_ids), len(gallery_ids)), dtype=bool)
    for row, query in enumerate(query_ids):
        matrix[row, [columns[entry] for entry in sets.get(query, ()) if entry in columns]] = True
    return matrix


def top(scores: Scores, k: int | None = None, *, ignore: Mask | None = None) -> NDArray[np.int64]:
    """Columns of the k best entries of each query, best first: (Q, min(k, N)); −1 fills the places of ignored entries.

    Raises ValueError for scores that are not finite.
    """
    width = scores.shape[1] if k is None else min(k, scores.shape[1])
    order = np.empty((len(scores), width), dtype=np.int64)
    for part in _parts(*scores.shape):
        keys = _keys(scores[part])
        if ignore is not None:
            keys[ignore[part]] = _LAST
        if width < keys.shape[1]:
            keys = np.partition(keys, width - 1, axis=1)[:, :width] if width else keys[:, :0]
        keys.sort(axis=1)
        order[part] = np.where(keys == _LAST, -1, (keys & np.uint64(0xFFFFFFFF)).astype(np.int64))
    return order


def rankings(
    scores: Scores,
    query_ids: Sequence[str],
    gallery_ids: Sequence[str],
    k: int | None = None,
    *,
    ignore: Mask | None = None,
) -> list[Ranking]:
    """One Ranking per query from scores (Q, N): its k best entries (all by default) without the ignored ones."""
    order = top(scores, k, ignore=ignore)
    names = np.asarray(gallery_ids, dtype=object)
    return [
        Ranking(query, tuple(names[kept]), tuple(row[kept].tolist()))
        for query, columns, row in zip(query_ids, order, scores, strict=True)
        for kept in (columns[columns >= 0],)
    ]


def per_query(
    scores: Scores,
    relevant: Mask,
    *,
    ignore: Mask | None = None,
    rejected: Mask | None = None,
    ks: Sequence[int] = (1, 5, 10),
) -> dict[str, PerQuery]:
    """Every metric of every query at once: name → (Q,).

    Names: hit@k, precision@k, recall@k and map@k for each k, map, mrr; where `rejected` is given, grounding_accuracy
    and subset_recall@k too (NaN for a query without rejected entries). Raises ValueError when a query has no relevant
    entry outside `ignore`.
    """
    counted = relevant if ignore is None else relevant & ~ignore
    counts = counted.sum(axis=1)
    if not counts.all():
        raise ValueError(f"query {int(np.argmin(counts))} has no relevant entry; leave such queries out")
    parts = []
    for part in _parts(*scores.shape):
        order = top(scores[part], ignore=None if ignore is None else ignore[part])
        hits = np.take_along_axis(counted[part], order, axis=1) & (order >= 0)
        parts.append(_of_hits(hits, counts[part], ks))
    values = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    if rejected is not None:
        judged = rejected if ignore is None else rejected & ~ignore
        rows = zip(scores, counted, judged, strict=True)
        values["grounding_accuracy"] = np.array([grounding_accuracy(row[good], row[bad]) for row, good, bad in rows])
        values |= _subset_recall(scores, counted, judged, ks)
    return values


def mean_std_ci(values: ArrayLike) -> Summary:
    """Mean, standard deviation (n − 1) and 95 % t interval, mean ± t(.975; n − 1)·std/√n, of n independent repeats.

    Repeats over random splits of one data set share data, so there the interval speaks of the splits, not of new data.
    """
    repeats = np.asarray(values, dtype=np.float64)
    mean, n = float(repeats.mean()), len(repeats)
    if n < 2:
        return Summary(mean, None, None)
    std = float(repeats.std(ddof=1))
    half = float(stdtrit(n - 1, 0.975)) * std / n**0.5
    return Summary(mean, std, (mean - half, mean + half))


def bootstrap_ci(values: ArrayLike, groups: Sequence[str], *, seed: int = 0, samples: int = 2000) -> Summary:
    """Mean of values (Q,) with its percentile bootstrap interval; whole groups are drawn, as their queries are alike.

    `std` is the standard error, the deviation of the resampled means. NaN values are left out. Raises ValueError when
    none are left.
    """
    sums, counts = _by_group(np.asarray(values, dtype=np.float64), groups)
    mean = float(sums.sum() / counts.sum())
    if len(sums) < 2:
        return Summary(mean, None, None)
    means = _resample(sums, counts, seed, samples)
    return Summary(mean, float(means.std(ddof=1)), _interval(means))


def paired_difference(
    first: ArrayLike, second: ArrayLike, groups: Sequence[str], *, seed: int = 0, samples: int = 2000
) -> Difference:
    """Two methods on the same queries: mean of first − second (Q,), bootstrap interval and permutation test by group.

    The test is two-sided and flips the sign of whole groups, which a true null hypothesis would not notice:
    p = (1 + |flips with |mean| ≥ the observed|) / (1 + samples). Queries that are NaN in either are left out.
    """
    difference = np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64)
    sums, counts = _by_group(difference, groups)
    rng = np.random.default_rng([seed, 1])
    total = abs(float(sums.sum())) * (1 - 1e-12)  # equal totals must not differ by rounding
    flipped = np.concatenate([abs(rng.choice((-1.0, 1.0), (n, len(sums))) @ sums) for n in _draws(samples, len(sums))])
    p_value = (1 + int((flipped >= total).sum())) / (1 + samples)
    return Difference(
        float(sums.sum() / counts.sum()), _interval(_resample(sums, counts, seed, samples)), min(p_value, 1.0)
    )


def _of_hits(hits: Mask, counts: NDArray[np.int64], ks: Sequence[int]) -> dict[str, PerQuery]:
    """Metrics of rankings given as `hits` (Q, N), True where the entry at that place is relevant; counts (Q,)."""
    rows, places = np.nonzero(hits)
    first = np.searchsorted(rows, np.arange(len(hits)))
    found = np.arange(len(rows)) - first[rows] + 1  # how many relevant entries up to and with this one
    precision = found / (places + 1)
    values = {"map": np.bincount(rows, precision, len(hits)) / counts, "mrr": 1.0 / (places[first] + 1)}
    for k in ks:
        early = places < k
        within = np.bincount(rows[early], minlength=len(hits))
        values[f"hit@{k}"] = (within > 0).astype(np.float64)
        values[f"precision@{k}"] = within / k
        values[f"recall@{k}"] = within / counts
        values[f"map@{k}"] = np.bincount(rows[early], precision[early], len(hits)) / np.minimum(counts, k)
    return values


def _subset_recall(scores: Scores, relevant: Mask, rejected: Mask, ks: Sequence[int]) -> dict[str, PerQuery]:
    """Recall@k in the ranking of relevant and rejected entries alone, such as CIRR's sets of look-alikes."""
    found = np.full((len(scores), len(ks)), np.nan)
    for row in np.flatnonzero(rejected.any(axis=1)):
        among = np.flatnonzero(relevant[row] | rejected[row])
        hits = relevant[row, among[np.argsort(-scores[row, among], kind="stable")]].cumsum()
        found[row] = [hits[min(k, len(hits)) - 1] / hits[-1] for k in ks]
    return {f"subset_recall@{k}": found[:, column] for column, k in enumerate(ks)}


def _keys(scores: Scores) -> NDArray[np.uint64]:
    """Integers (Q, N) whose ascending order is: scores descending, then columns ascending.

    The bits of a float32 order like an unsigned integer once the sign bit of positive numbers and all bits of negative
    ones are flipped; the column fills the low half. Sorting whole integers needs no stable sort, and is vectorised.
    """
    values = np.asarray(scores, dtype=np.float32) + np.float32(0)  # −0 + 0 = 0, so that both zeros tie
    if not np.isfinite(values).all():
        raise ValueError("scores must be finite")
    bits = values.view(np.uint32)
    descending = np.where(bits >> 31, bits, ~bits & np.uint32(0x7FFFFFFF))
    return (descending.astype(np.uint64) << np.uint64(32)) | np.arange(scores.shape[1], dtype=np.uint64)


def _parts(rows: int, columns: int) -> Iterator[slice]:
    step = max(1, _CELLS // max(columns, 1))
    return (slice(start, min(start + step, rows)) for start in range(0, max(rows, 1), step))


def _by_group(values: PerQuery, groups: Sequence[str]) -> tuple[PerQuery, PerQuery]:
    """Sum and number of the values in each group (G,); NaN values are left out."""
    kept = ~np.isnan(values)
    if len(values) != len(groups) or not kept.any():
        raise ValueError(f"{len(values)} values, {int(kept.sum())} of them numbers, in {len(groups)} places")
    codes: dict[str, int] = {}
    members = np.array([codes.setdefault(group, len(codes)) for group, keep in zip(groups, kept, strict=True) if keep])
    return np.bincount(members, values[kept]).astype(np.float64), np.bincount(members).astype(np.float64)


def _resample(sums: PerQuery, counts: PerQuery, seed: int, samples: int) -> PerQuery:
    """Means (samples,) of bootstrap samples that each draw as many groups as there are, with replacement."""
    rng = np.random.default_rng([seed, 0])
    means = []
    for n in _draws(samples, len(sums)):
        drawn = rng.integers(len(sums), size=(n, len(sums)))
        means.append(sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1))
    return np.concatenate(means)


def _draws(samples: int, groups: int) -> Iterator[int]:
    """`samples` in batches whose matrices (batch, groups) stay small."""
    return (part.stop - part.start for part in _parts(samples, groups))


def _interval(means: PerQuery) -> tuple[float, float]:
    low, high = np.percentile(means, (2.5, 97.5))
    return float(low), float(high)
