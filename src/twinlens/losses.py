"""Losses: pure functions on embeddings, one signature for the family.

Every loss is called `loss(queries, targets, *, negatives=None, mask=None, answers=None, scale=1.0, …) → scalar`:
queries (B, D) and the targets (B, D) that answer them, row by row; negatives (M, D) are further columns. mask (B, B +
M), over the columns [targets; negatives], is True where a column must not count as a negative of that row's query; its
diagonal is ignored, as a query's own target is its positive. answers (B, B + M) is True where a column is known to be a
positive too; losses with a single positive per query ignore it. Further keyword arguments are the loss's own options.

d is the squared Euclidean distance unless stated otherwise; for unit vectors d = 2 − 2·cos. Where a loss uses both
directions, the negatives of target i are the other queries j whose column i is not masked.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

from twinlens.core import suggestions
from twinlens.core.types import TwinlensError

Loss: TypeAlias = Callable[..., Tensor]
"""A function with the signature that the head of this file describes."""


def batch_softmax(
    queries: Tensor,
    targets: Tensor,
    *,
    negatives: Tensor | None = None,
    mask: Tensor | None = None,
    answers: Tensor | None = None,
    scale: Tensor | float = 1.0,
) -> Tensor:
    """Average over i: −log softmax_j(scale · ⟨q_i, c_j⟩) at j = i, over the columns c that are not masked.

    Vo et al. 2019, "Composing text and image for image retrieval", equation 2 with K = B; the columns beyond the batch
    and the mask are ours.
    """
    del answers
    columns = _columns(targets, negatives)
    logits = scale * queries @ columns.T  # (B, B + M)
    counts = _is_negative(queries, columns, mask) | _own_target(queries, columns)
    own = torch.arange(len(queries), device=queries.device)
    return F.cross_entropy(logits.masked_fill(~counts, -torch.inf), own)


def multi_positive_softmax(
    queries: Tensor,
    targets: Tensor,
    *,
    negatives: Tensor | None = None,
    mask: Tensor | None = None,
    answers: Tensor | None = None,
    scale: Tensor | float = 1.0,
) -> Tensor:
    """Average over i and its positives p: −log e^{s_p} / (e^{s_p} + Σ_n e^{s_n}), s = scale · ⟨q_i, c⟩.

    Batch softmax for queries with several positives: every True of `answers` is a positive, n runs over the negatives
    alone. Khosla et al. 2020, "Supervised contrastive learning", equation 2, but other positives are left out of the
    denominator, so that they do not push each other away. With one positive each it equals batch softmax.
    """
    columns = _columns(targets, negatives)
    logits = scale * queries @ columns.T  # (B, B + M)
    own = _own_target(queries, columns)
    positive = own if answers is None else own | answers
    others = logits.masked_fill(~_is_negative(queries, columns, mask) | positive, -torch.inf)
    terms = F.softplus(others.logsumexp(dim=1, keepdim=True) - logits).masked_fill(~positive, 0)
    return (terms.sum(1) / positive.sum(1)).mean()


def soft_triplet(
    queries: Tensor,
    targets: Tensor,
    *,
    negatives: Tensor | None = None,
    mask: Tensor | None = None,
    answers: Tensor | None = None,
    scale: Tensor | float = 1.0,
    triplets: int = 3,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Average log(1 + exp(scale · (d⁺ − d⁻))) over at most `triplets` random negatives of each anchor.

    Vo et al. 2019, equation 3. Queries and targets are both anchors; negatives come from the other side alone, while
    the authors' code also takes them from the anchor's own side. `generator` must live on the embeddings' device.
    """
    del answers
    terms = [
        _sampled(F.softplus(scale * (positive[:, None] - distances)), is_negative, triplets, generator)
        for positive, distances, is_negative in _both_ways(queries, targets, negatives, mask)
    ]
    return _mean(torch.cat([t for t, _ in terms]), torch.cat([k for _, k in terms]))


def semi_hard_hinge(
    queries: Tensor,
    targets: Tensor,
    *,
    negatives: Tensor | None = None,
    mask: Tensor | None = None,
    answers: Tensor | None = None,
    scale: Tensor | float = 1.0,
    margin: float = 0.2,
) -> Tensor:
    """Sum both directions of mean_i max(0, margin + d_i⁺ − d_i⁻), d_i⁻ the nearest negative with d⁻ ≥ d_i⁺.

    Chen et al. 2020, "Image search with text feedback by visiolinguistic attention learning" (VAL). An anchor without
    such a negative takes its farthest one; the authors' code takes none, so that pairs ranked last get no gradient.
    Their code also compares d⁻ with the positive of the column; here it is the anchor's own. `scale` is not used: the
    margin is in the unit of the distances.
    """
    del answers, scale
    total = queries.new_zeros(())
    for positive, distances, is_negative in _both_ways(queries, targets, negatives, mask):
        semi_hard = is_negative & (distances >= positive[:, None])
        nearest = distances.masked_fill(~semi_hard, torch.inf).amin(dim=1)
        farthest = distances.masked_fill(~is_negative, -torch.inf).amax(dim=1)
        negative = torch.where(semi_hard.any(dim=1) | ~is_negative.any(dim=1), nearest, farthest)
        total = total + F.relu(margin + positive - negative).mean()
    return total


def batch_hard_triplet(
    queries: Tensor,
    targets: Tensor,
    *,
    negatives: Tensor | None = None,
    mask: Tensor | None = None,
    answers: Tensor | None = None,
    scale: Tensor | float = 1.0,
    margin: float = 0.2,
) -> Tensor:
    """Average max(0, margin + d⁺ − d⁻) over anchors, d⁻ the nearest negative; queries and targets are both anchors.

    Hermans et al. 2017, "In defense of the triplet loss", with one positive per anchor and negatives from the other
    side alone. `scale` is not used: the margin is in the unit of the distances.
    """
    del answers, scale
    terms = [
        F.relu(margin + positive - distances.masked_fill(~is_negative, torch.inf).amin(dim=1))
        for positive, distances, is_negative in _both_ways(queries, targets, negatives, mask)
    ]
    return torch.cat(terms).mean()


def two_branch_ranking(
    queries: Tensor,
    targets: Tensor,
    *,
    negatives: Tensor | None = None,
    mask: Tensor | None = None,
    answers: Tensor | None = None,
    scale: Tensor | float = 1.0,
    margin: float = 0.05,
    hardest: int = 10,
    query_weight: float = 1.5,
    target_weight: float = 1.0,
    structure_weight: float = 0.05,
) -> Tensor:
    """Add 1.5 · query→target + 1 · target→query + .05 · query–query, each the mean of every anchor's largest hinges.

    Wang et al. 2018, "Learning two-branch neural networks for image-text matching tasks": hinge = max(0, margin + d⁺ −
    d⁻), its `hardest` largest values for each anchor, d = √(squared Euclidean + 1e-4) as in the authors' code. In the
    query–query term d⁺ is the farthest query that shares an answer (its target is masked for this query), d⁻ any query
    that does not; a query that shares no answer is left out of it. `scale` is not used: the margin is in the unit of
    the distances.
    """
    del answers, scale
    to_target, to_query = (
        _hardest_hinges(_root(positive), _root(distances), is_negative, margin, hardest)
        for positive, distances, is_negative in _both_ways(queries, targets, negatives, mask)
    )
    loss = query_weight * to_target + target_weight * to_query
    if mask is None:
        return loss
    return loss + structure_weight * _structure(queries, mask[:, : len(queries)], margin, hardest)


_LOSSES: dict[str, Loss] = {
    loss.__name__: loss
    for loss in (
        batch_softmax,
        multi_positive_softmax,
        soft_triplet,
        semi_hard_hinge,
        batch_hard_triplet,
        two_branch_ranking,
    )
}
_COMMON = frozenset({"queries", "targets", "negatives", "mask", "answers", "scale"})


def names() -> list[str]:
    """Return the names of all losses, sorted."""
    return sorted(_LOSSES)


def named(name: str, **options: object) -> Loss:
    """Return a loss by name, its own options set. Raises TwinlensError that lists the known names or options."""
    if name not in _LOSSES:
        raise TwinlensError(suggestions.unknown("loss", name, _LOSSES))
    known = inspect.signature(_LOSSES[name]).parameters.keys() - _COMMON
    for key in options:
        if key not in known:
            tail = f"{suggestions.closest(key, known)}; known: {suggestions.listing(known)}"
            raise TwinlensError(f"loss {name!r} has no option {key!r}{tail}")
    return functools.partial(_LOSSES[name], **options) if options else _LOSSES[name]


def _columns(targets: Tensor, negatives: Tensor | None) -> Tensor:
    return targets if negatives is None else torch.cat([targets, negatives])


def _own_target(queries: Tensor, columns: Tensor) -> Tensor:
    """Mark each query's own target: (B, B + M)."""
    return torch.eye(len(queries), len(columns), dtype=torch.bool, device=queries.device)


def _is_negative(queries: Tensor, columns: Tensor, mask: Tensor | None) -> Tensor:
    """Mark the columns that are negatives of the row's query: (B, B + M)."""
    others = ~_own_target(queries, columns)
    return others if mask is None else others & ~mask


def _both_ways(
    queries: Tensor, targets: Tensor, negatives: Tensor | None, mask: Tensor | None
) -> tuple[tuple[Tensor, Tensor, Tensor], tuple[Tensor, Tensor, Tensor]]:
    """Return d⁺ (B,), d to all columns (B, N) and which of these are negatives (B, N), once for either anchor.

    The anchors are the queries first, then the targets.
    """
    columns, b = _columns(targets, negatives), len(queries)
    distances = _squared_distances(queries, columns)  # (B, B + M)
    is_negative = _is_negative(queries, columns, mask)
    positive = distances.diagonal()
    return (positive, distances, is_negative), (positive, distances[:, :b].T, is_negative[:, :b].T)


def _squared_distances(a: Tensor, b: Tensor) -> Tensor:
    """Compute ‖a_i − b_j‖² (A, B) from inner products, not below zero by rounding."""
    return (a.square().sum(1)[:, None] + b.square().sum(1) - 2 * a @ b.T).clamp_min(0)


def _root(squared: Tensor) -> Tensor:
    """Return the distance; the added 1e-4 keeps its gradient finite at zero."""
    return (squared + 1e-4).sqrt()


def _mean(values: Tensor, counts: Tensor) -> Tensor:
    """Average the values that count; zero when none does."""
    return values.masked_fill(~counts, 0).sum() / counts.sum().clamp_min(1)


def _sampled(values: Tensor, allowed: Tensor, count: int, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
    """Sample `count` allowed values of each row (B, N) without replacement: flat, and True where one was allowed."""
    keys = torch.rand(values.shape, generator=generator, device=values.device).masked_fill(~allowed, -1)
    key, columns = keys.topk(min(count, values.shape[1]), dim=1)
    return values.gather(1, columns).flatten(), key.flatten() >= 0


def _hardest_hinges(positive: Tensor, distances: Tensor, is_negative: Tensor, margin: float, hardest: int) -> Tensor:
    """Average each anchor's `hardest` largest max(0, margin + d⁺ − d⁻): positive (B,), distances (B, N)."""
    violations = (margin + positive[:, None] - distances).masked_fill(~is_negative, -torch.inf)
    worst = violations.topk(min(hardest, violations.shape[1]), dim=1).values
    return _mean(F.relu(worst), worst > -torch.inf)


def _structure(queries: Tensor, shares_answer: Tensor, margin: float, hardest: int) -> Tensor:
    """Compute the query–query term; shares_answer (B, B) is True where two queries have an answer in common."""
    same = (shares_answer | shares_answer.T).fill_diagonal_(False)
    distances = _root(_squared_distances(queries, queries))
    farthest = distances.masked_fill(~same, 0).amax(dim=1)
    apart = ~same.clone().fill_diagonal_(True) & same.any(dim=1, keepdim=True)
    return _hardest_hinges(farthest, distances, apart, margin, hardest)
