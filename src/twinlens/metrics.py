"""Metrics of score matrices, query by query, and intervals of their means.

Scores are (Q, N), one row per query and one column per gallery entry, higher is nearer; of equal scores the earlier
column ranks first. Notation: relevant entries answer the query, k is the number of places that count.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twinlens.core.types import Ranking

Scores: TypeAlias = NDArray[np.float32]
"""(Q, N): how near each gallery entry is to each query; finite, higher is nearer."""
Mask: TypeAlias = NDArray[np.bool_]
"""(Q, N): True for gallery entries in some relation (relevant, rejected, ignored) to the query."""
PerQuery: TypeAlias = NDArray[np.float64]
"""(Q,): one value per query."""


class Summary(NamedTuple):
    """A mean, its spread and its 95 % interval; the latter two are None where there are too few values for them."""

    mean: float
    std: float | None
    ci95: tuple[float, float] | None


class Difference(NamedTuple):
    """A first method's mean less a second's: with its 95 % interval, and the p-value of no difference."""

    mean: float
    ci95: tuple[float, float]
    p_value: float


_LAST = np.uint64(0xFFFFFFFFFFFFFFFF)
_CELLS = 2**22  # of a score matrix processed at a time: tens of megabytes, whatever Q and N are


def grounding_accuracy(relevant: Sequence[float], rejected: Sequence[float]) -> float:
    """Return the share of (relevant, rejected) pairs whose relevant entry scores higher; ties count a half.

    (|pairs with s⁺ > s⁻| + |pairs with s⁺ = s⁻| / 2) / |pairs|, which is the area under the ROC curve; chance is .5.
    Returns NaN when either side is empty.
    """
    if not len(relevant) or not len(rejected):
        return float("nan")
    difference = np.subtract.outer(np.asarray(relevant), np.asarray(rejected))
    return float(((difference > 0) + 0.5 * (difference == 0)).mean())


def matched_accuracy(
    relevant: Sequence[float], rejected: Sequence[float], siblings: tuple[ArrayLike, ArrayLike]
) -> float:
    """Return the grounding accuracy over the pairs of siblings: a relevant and a rejected entry of the same items.

    siblings: a number for the items of each relevant and of each rejected entry; pairs of equal ones count. A ranking
    that depends on the items alone, such as by the number of pixels of each colour, has .5. Returns NaN without a pair.
    """
    difference = np.subtract.outer(np.asarray(relevant), np.asarray(rejected))
    pairs = difference[np.equal.outer(*map(np.asarray, siblings))]
    return float(((pairs > 0) + 0.5 * (pairs == 0)).mean()) if len(pairs) else float("nan")


def mask(sets: Mapping[str, frozenset[str]], query_ids: Sequence[str], gallery_ids: Sequence[str]) -> Mask:
    """Turn `relevant`, `rejected` or `ignore` of a Dataset into a matrix (Q, N), skipping ids outside the gallery."""
    columns = {entry: column for column, entry in enumerate(gallery_ids)}
    matrix = np.zeros((len(query_ids), len(gallery_ids)), dtype=bool)
    for row, query in enumerate(query_ids):
        matrix[row, [columns[entry] for entry in sets.get(query, ()) if entry in columns]] = True
    return matrix


def top(scores: Scores, k: int | None = None, *, ignore: Mask | None = None) -> NDArray[np.int64]:
    """Return the columns of each query's k best entries, best first: (Q, min(k, N)), −1 in place of ignored entries.

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
    *,
    ignore: Mask | None = None,
) -> list[Ranking]:
    """Rank the gallery for every query by scores (Q, N), without the ignored entries."""
    names, ranked = np.asarray(gallery_ids, dtype=object), []
    for query, order, row in zip(query_ids, top(scores, ignore=ignore), scores, strict=True):
        columns = order[order >= 0]
        ranked.append(Ranking(query, tuple(names[columns]), tuple(row[columns].tolist())))
    return ranked


def per_query(
    scores: Scores,
    relevant: Mask,
    *,
    ignore: Mask | None = None,
    rejected: Mask | None = None,
    siblings: NDArray[np.int64] | None = None,
    ks: Sequence[int] = (1, 5, 10),
) -> dict[str, PerQuery]:
    """Compute every metric of every query: name → (Q,).

    hit@k: 1 if any of the first k is relevant, else 0; papers on composed retrieval call its mean Recall@k.
    precision@k = |relevant among the first k| / k. recall@k = |relevant among the first k| / |relevant|.
    map@k = Σ over relevant places i ≤ k of precision@i / min(|relevant|, k), as CIRCO has it (Baldrati et al., ICCV
    2023); map: the same over the whole ranking, the usual average precision. mrr = 1 / place of the first relevant
    entry. With `rejected` also grounding_accuracy and subset_recall@k, NaN for a query without rejected entries; with
    `siblings` (N,), equal for entries that show the same items, also matched_accuracy, NaN for one without such pairs.
    Raises ValueError when a query has no relevant entry outside `ignore`.
    """
    wanted = relevant if ignore is None else relevant & ~ignore
    counts = wanted.sum(axis=1)
    if not counts.all():
        raise ValueError(f"query {int(np.argmin(counts))} has no relevant entry; leave such queries out")
    parts = []
    for part in _parts(*scores.shape):
        order = top(scores[part], ignore=None if ignore is None else ignore[part])
        hits = np.take_along_axis(wanted[part], order, axis=1) & (order >= 0)
        parts.append(_of_hits(hits, counts[part], ks))
    values = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    if rejected is not None:
        unwanted = rejected if ignore is None else rejected & ~ignore
        rows = list(zip(scores, wanted, unwanted, strict=True))
        values["grounding_accuracy"] = np.array([grounding_accuracy(row[good], row[bad]) for row, good, bad in rows])
        values |= _subset_recall(scores, wanted, unwanted, ks)
        if siblings is not None:
            matched = [matched_accuracy(row[a], row[b], (siblings[a], siblings[b])) for row, a, b in rows]
            values["matched_accuracy"] = np.array(matched)
    return values


def mean_std_ci(values: ArrayLike) -> Summary:
    """Return mean, standard deviation (n − 1) and t interval, mean ± t(.975; n − 1)·std/√n, of n repeats.

    Repeats over random splits of one data set share data: their interval is one over splits, not over new data.
    """
    repeats = np.asarray(values, dtype=np.float64)
    mean, n = float(repeats.mean()), len(repeats)
    if n < 2:
        return Summary(mean, None, None)
    std = float(repeats.std(ddof=1))
    from scipy.special import stdtrit  # here, since pictures are drawn and searched without it

    half = float(stdtrit(n - 1, 0.975)) * std / n**0.5
    return Summary(mean, std, (mean - half, mean + half))


def bootstrap_ci(values: ArrayLike, groups: Sequence[str], *, seed: int = 0, samples: int = 2000) -> Summary:
    """Return the mean of values (Q,) with its percentile bootstrap interval, resampled by group.

    Queries of one group are alike, so that only whole groups are independent. `std` is the standard error, the
    deviation of the resampled means. NaN values are left out. Raises ValueError when none are left.
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
    """Compare two methods on the same queries: mean of first − second (Q,), interval and permutation test by group.

    The test is two-sided and flips the sign of whole groups, under which the null hypothesis is invariant:
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
    """Compute the metrics of rankings from `hits` (Q, N), True at places of relevant entries, and their counts (Q,)."""
    rows, places = np.nonzero(hits)
    first = np.searchsorted(rows, np.arange(len(hits)))
    hits_so_far = np.arange(len(rows)) - first[rows] + 1
    precision = hits_so_far / (places + 1)
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
    """Compute recall@k in the ranking of relevant and rejected entries alone, such as CIRR's sets of look-alikes."""
    recalls = np.full((len(scores), len(ks)), np.nan)
    for row in np.flatnonzero(rejected.any(axis=1)):
        among = np.flatnonzero(relevant[row] | rejected[row])
        hits = relevant[row, among[np.argsort(-scores[row, among], kind="stable")]].cumsum()
        recalls[row] = [hits[min(k, len(hits)) - 1] / hits[-1] for k in ks]
    return {f"subset_recall@{k}": recalls[:, column] for column, k in enumerate(ks)}


def _keys(scores: Scores) -> NDArray[np.uint64]:
    """Return integers (Q, N) whose ascending order is: scores descending, then columns ascending.

    The bits of a float32 order like an unsigned integer once the sign bit of positive numbers and all bits of negative
    ones are flipped; the column fills the low half. Integers need no stable sort, and numpy vectorises theirs.
    """
    values = np.asarray(scores, dtype=np.float32) + np.float32(0)  # −0 + 0 = 0, so that both zeros tie
    if not np.isfinite(values).all():
        raise ValueError("scores must be finite")
    bits = values.view(np.uint32)
    descending = np.where(bits >> 31, bits, ~bits & np.uint32(0x7FFFFFFF))
    return (descending.astype(np.uint64) << np.uint64(32)) | np.arange(scores.shape[1], dtype=np.uint64)


def _parts(rows: int, columns: int) -> Iterator[slice]:
    """Cut rows into slices of at most _CELLS cells; one, empty, when there are no rows."""
    step = max(1, _CELLS // max(columns, 1))
    return (slice(start, min(start + step, rows)) for start in range(0, max(rows, 1), step))


def _by_group(values: PerQuery, groups: Sequence[str]) -> tuple[PerQuery, PerQuery]:
    """Return sum and number of the values in each group (G,), without NaN."""
    kept = ~np.isnan(values)
    if len(values) != len(groups) or not kept.any():
        raise ValueError(f"{len(values)} values, {int(kept.sum())} of them numbers, in {len(groups)} places")
    codes: dict[str, int] = {}
    members = np.array([codes.setdefault(group, len(codes)) for group, keep in zip(groups, kept, strict=True) if keep])
    return np.bincount(members, values[kept]).astype(np.float64), np.bincount(members).astype(np.float64)


def _resample(sums: PerQuery, counts: PerQuery, seed: int, samples: int) -> PerQuery:
    """Return the means (samples,) of bootstrap samples: as many groups as there are, drawn with replacement."""
    rng = np.random.default_rng([seed, 0])
    means = []
    for n in _draws(samples, len(sums)):
        drawn = rng.integers(len(sums), size=(n, len(sums)))
        means.append(sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1))
    return np.concatenate(means)


def _draws(samples: int, groups: int) -> Iterator[int]:
    """Cut `samples` into batch sizes whose matrices (batch, groups) stay small."""
    return (part.stop - part.start for part in _parts(samples, groups))


def _interval(means: PerQuery) -> tuple[float, float]:
    low, high = np.percentile(means, (2.5, 97.5))
    return float(low), float(high)
