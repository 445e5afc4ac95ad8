"""Every loss against its formula in NumPy loops, and the laws that all of them keep."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from twinlens import losses
from twinlens.core.types import TwinlensError

NAMES = losses.names()
every_loss = pytest.mark.parametrize("name", NAMES)


def unit(a):
    return a / np.linalg.norm(a, axis=1, keepdims=True)


def case(seed, b=5, m=3, d=6):
    """Unit queries, targets and negatives, and a mask with a false negative in every row."""
    rng = np.random.default_rng(seed)
    q, t, n = (unit(rng.normal(size=(rows, d))) for rows in (b, b, m))
    mask = rng.random((b, b + m)) < 0.2
    mask[np.arange(b), (np.arange(b) + 1) % b] = True
    np.fill_diagonal(mask, False)
    return q, t, n, mask


def called(name, q, t, n=None, mask=None, **options):
    tensors = {"negatives": None if n is None else torch.from_numpy(n), "mask": mask}
    if mask is not None:
        tensors["mask"] = torch.from_numpy(mask)
    return losses.named(name)(torch.from_numpy(q), torch.from_numpy(t), **tensors, **options)


def anchors(q, t, n, mask):
    """For each anchor of both directions: its squared distance to the positive, and to all its negatives."""
    columns = np.concatenate([t, n])

    def d(a, b):
        return ((a - b) ** 2).sum()

    to_target = [
        (d(q[i], t[i]), [d(q[i], c) for j, c in enumerate(columns) if j != i and not mask[i, j]]) for i in range(len(q))
    ]
    to_query = [
        (d(q[i], t[i]), [d(q[j], t[i]) for j in range(len(q)) if j != i and not mask[j, i]]) for i in range(len(q))
    ]
    return to_target, to_query


def test_batch_softmax_by_hand():
    q, t, n, mask = case(0)
    logits = 7 * q @ np.concatenate([t, n]).T
    terms = [-logits[i, i] + np.log(np.exp(logits[i][~mask[i]]).sum()) for i in range(len(q))]
    assert called("batch_softmax", q, t, n, mask, scale=7.0).item() == pytest.approx(np.mean(terms), abs=1e-6)


def test_multi_positive_softmax_by_hand():
    q, t, n, mask = case(10)
    answers = mask & (np.random.default_rng(0).random(mask.shape) < 0.6)
    e = np.exp(7 * q @ np.concatenate([t, n]).T)
    own = np.eye(*mask.shape, dtype=bool)
    terms = [
        np.mean(
            [-np.log(e[i, p] / (e[i, p] + e[i][~mask[i] & ~own[i]].sum())) for p in np.flatnonzero(own[i] | answers[i])]
        )
        for i in range(len(q))
    ]
    loss = called("multi_positive_softmax", q, t, n, mask, answers=torch.from_numpy(answers), scale=7.0)
    assert answers.any()
    assert loss.item() == pytest.approx(np.mean(terms), abs=1e-6)
    alone = called("multi_positive_softmax", q, t, n, mask, scale=7.0)
    torch.testing.assert_close(alone, called("batch_softmax", q, t, n, mask, scale=7.0))


def test_soft_triplet_by_hand():
    q, t, n, mask = case(1)
    pairs = [(p, neg) for way in anchors(q, t, n, mask) for p, negatives in way for neg in negatives]
    wanted = np.mean([np.log1p(np.exp(2 * (p - neg))) for p, neg in pairs])
    assert called("soft_triplet", q, t, n, mask, scale=2.0, triplets=99).item() == pytest.approx(wanted, abs=1e-6)


def test_soft_triplet_draws_at_most_three_for_each_anchor():
    q, t, _, _ = case(2, b=6)
    values, counts = losses._sampled(torch.arange(20.0).reshape(2, 10), torch.arange(20).reshape(2, 10) > 7, 3, None)
    assert counts.reshape(2, 3).sum(1).tolist() == [2, 3]
    assert set(values[counts][:2].tolist()) == {8, 9}
    assert len(set(values[counts].tolist())) == 5
    draws = {called("soft_triplet", q, t, generator=torch.Generator().manual_seed(s)).item() for s in range(8)}
    again = {called("soft_triplet", q, t, generator=torch.Generator().manual_seed(s)).item() for s in range(8)}
    assert len(draws) > 1
    assert draws == again


def test_semi_hard_hinge_by_hand():
    q, t, n, mask = case(3)
    wanted, fallen_back = 0.0, 0
    for way in anchors(q, t, n, mask):
        semi_hard = [[x for x in negatives if x >= p] for p, negatives in way]
        fallen_back += semi_hard.count([])
        chosen = [min(some) if some else max(negatives) for some, (_, negatives) in zip(semi_hard, way, strict=True)]
        wanted += np.mean([max(0, 0.2 + p - x) for x, (p, _) in zip(chosen, way, strict=True)])
    assert fallen_back > 0
    assert called("semi_hard_hinge", q, t, n, mask).item() == pytest.approx(wanted, abs=1e-6)


def test_batch_hard_triplet_by_hand():
    q, t, n, mask = case(4)
    hinges = [
        max(0, 0.2 + p - min(negatives, default=np.inf)) for way in anchors(q, t, n, mask) for p, negatives in way
    ]
    assert called("batch_hard_triplet", q, t, n, mask).item() == pytest.approx(np.mean(hinges), abs=1e-6)


def test_two_branch_ranking_by_hand():
    q, t, n, mask = case(5, b=6)

    def root(x):
        return np.sqrt(x + 1e-4)

    def hardest(rows, k=2):
        kept = [sorted((max(0, 0.05 + root(p) - root(x)) for x in others), reverse=True)[:k] for p, others in rows]
        return np.mean([h for row in kept for h in row])

    to_target, to_query = anchors(q, t, n, mask)
    same = mask[:, :6] | mask[:, :6].T
    between = ((q[:, None] - q) ** 2).sum(-1)
    structure = [
        (max(between[i][same[i]]), [between[i, k] for k in range(6) if k != i and not same[i, k]])
        for i in range(6)
        if same[i].any()
    ]
    wanted = 1.5 * hardest(to_target) + hardest(to_query) + 0.05 * hardest(structure)
    assert called("two_branch_ranking", q, t, n, mask, hardest=2).item() == pytest.approx(wanted, abs=1e-6)
    without = 1.5 * hardest(to_target) + hardest(to_query)
    assert called("two_branch_ranking", q, t, n, mask, hardest=2, structure_weight=0).item() == pytest.approx(without)


@every_loss
@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**31))
def test_aligned_pairs_cost_less_than_shuffled_ones(name, seed):
    q = np.linalg.qr(case(seed)[0].T)[0].T  # five directions at right angles
    aligned, shuffled = called(name, q, q), called(name, q, np.roll(q, 1, axis=0))
    assert aligned < shuffled


@every_loss
@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**31))
def test_masked_columns_have_no_influence(name, seed):
    q, t, n, mask = case(seed)
    mask[:, -1] = True
    moved = np.concatenate([n[:-1], unit(np.random.default_rng(seed + 1).normal(size=(1, 6)))])
    loss = called(name, q, t, n, mask, **_seeded(name))
    torch.testing.assert_close(called(name, q, t, moved, mask, **_seeded(name)), loss)
    torch.testing.assert_close(
        called(name, q, t, n[:-1], mask[:, :-1], **_all(name)), called(name, q, t, n, mask, **_all(name))
    )


@every_loss
def test_the_diagonal_of_the_mask_is_ignored(name):
    q, t, n, mask = case(6)
    marked = mask.copy()
    np.fill_diagonal(marked, True)
    torch.testing.assert_close(called(name, q, t, n, marked, **_all(name)), called(name, q, t, n, mask, **_all(name)))


@every_loss
@pytest.mark.parametrize("kind", ["usual", "aligned", "all masked", "zeros", "one row"])
def test_gradients_are_finite(name, kind):
    q, t, n, mask = case(7)
    if kind == "aligned":
        t = q.copy()
    if kind == "zeros":
        q, t = np.zeros_like(q), np.zeros_like(t)
    if kind == "all masked":
        mask = ~np.eye(*mask.shape, dtype=bool)
    if kind == "one row":
        q, t, n, mask = q[:1], t[:1], n[:0], mask[:1, :1]
    queries, targets = torch.from_numpy(q).requires_grad_(), torch.from_numpy(t).requires_grad_()
    scale = torch.tensor(10.0, requires_grad=True)
    loss = losses.named(name)(queries, targets, negatives=torch.from_numpy(n), mask=torch.from_numpy(mask), scale=scale)
    loss.backward()
    assert loss.shape == () and loss.isfinite()
    assert queries.grad.isfinite().all() and targets.grad.isfinite().all()


@every_loss
def test_training_on_the_loss_brings_the_pairs_together(name):
    torch.manual_seed(0)
    q, t = (torch.from_numpy(a) for a in case(8, b=6)[:2])
    free = q.clone().requires_grad_()
    optimizer = torch.optim.Adam([free], lr=0.05)
    for _ in range(80):
        loss = losses.named(name)(torch.nn.functional.normalize(free, dim=1), t, scale=10.0)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    trained = torch.nn.functional.normalize(free.detach(), dim=1)
    assert (trained * t).sum(1).mean() > (q * t).sum(1).mean() + 0.3


def test_unknown_names_and_options_are_answered_with_the_known_ones():
    with pytest.raises(TwinlensError, match=r"batch_softmax.*known: batch_hard_triplet, batch_softmax"):
        losses.named("batch_softmx")
    with pytest.raises(TwinlensError, match=r"did you mean 'margin'.*known: margin$"):
        losses.named("semi_hard_hinge", margn=0.3)
    with pytest.raises(TwinlensError, match="known: none"):
        losses.named("batch_softmax", margin=0.3)


def test_options_are_set_by_name():
    q, t = (torch.from_numpy(a) for a in case(9)[:2])
    wide, narrow = losses.named("batch_hard_triplet", margin=1.0), losses.named("batch_hard_triplet")
    assert wide(q, t) == narrow(q, t, margin=1.0) > narrow(q, t)


def _seeded(name):
    return {"generator": torch.Generator().manual_seed(0)} if name == "soft_triplet" else {}


def _all(name):
    return {"triplets": 99} if name == "soft_triplet" else {}
