from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from twinlens import metrics
from twinlens.metrics import (
    bootstrap_ci,
    grounding_accuracy,
    mask,
    matched_accuracy,
    mean_std_ci,
    paired_difference,
    per_query,
    rankings,
    top,
)


def hit(found, count, k):  # found: whether the entry at each place is relevant; count: relevant entries in all
    return float(any(found[:k]))


def precision(found, count, k):
    return sum(found[:k]) / k


def recall(found, count, k):
    return sum(found[:k]) / count


def average_precision(found, count, k):
    return sum(precision(found, count, n) for n in range(1, min(k, len(found)) + 1) if found[n - 1]) / min(count, k)


def reciprocal_rank(found, count, k):
    return next((1 / place for place, relevant in enumerate(found, start=1) if relevant), 0.0)


def of_one(found, *ks):
    """Every metric of one query whose ranked entries are relevant as `found` says."""
    scores = -np.arange(len(found), dtype=np.float32)[None]
    values = per_query(scores, np.array([found], dtype=bool), ks=ks or (1, 5, 10))
    return {name: float(value[0]) for name, value in values.items()}


orders = st.lists(st.booleans(), min_size=1, max_size=20).filter(any)


@st.composite
def matrices(draw):
    """Scores with many ties, relevance and ignored entries; every query keeps a relevant entry."""
    q, n = draw(st.integers(1, 5)), draw(st.integers(1, 12))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    scores = rng.integers(-2, 3, (q, n)).astype(np.float32) * np.float32(0.5)
    relevant, ignore = rng.random((q, n)) < 0.4, rng.random((q, n)) < 0.2
    row = rng.integers(n, size=q)
    relevant[np.arange(q), row], ignore[np.arange(q), row] = True, False
    return scores, relevant, ignore


def test_by_hand():
    values = of_one([False, True, False, True, False, True], 1, 2, 4, 10)
    assert [values[f"hit@{k}"] for k in (1, 2)] == [0, 1]
    assert values["precision@4"] == 0.5
    assert values["precision@10"] == pytest.approx(0.3)
    assert values["recall@2"] == pytest.approx(1 / 3)
    assert values["mrr"] == 0.5
    assert values["map"] == pytest.approx((1 / 2 + 2 / 4 + 3 / 6) / 3)
    assert values["map@2"] == pytest.approx((1 / 2) / 2)


@given(orders, st.integers(1, 25))
def test_bounds(found, k):
    assert all(0 <= value <= 1 for value in of_one(found, k).values())


@given(orders, st.integers(1, 20))
def test_hits_and_recall_grow_with_k(found, k):
    values = of_one(found, k, k + 1)
    for name in ("hit", "recall"):
        assert values[f"{name}@{k}"] <= values[f"{name}@{k + 1}"]


@given(orders, st.integers(1, 20))
def test_the_best_and_the_worst_order(found, k):
    best, worst = of_one(sorted(found, reverse=True), k), of_one(sorted(found), k)
    for name, value in of_one(found, k).items():
        assert worst[name] <= value <= best[name]
    assert best["map"] == best[f"map@{k}"] == best["mrr"] == pytest.approx(1)


@given(orders, st.integers(1, 20), st.randoms())
def test_the_order_of_the_gallery_does_not_matter(found, k, random):
    columns = list(range(len(found)))
    random.shuffle(columns)
    scores, relevant = -np.arange(len(found), dtype=np.float32)[None, columns], np.array([found])[:, columns]
    for name, value in per_query(scores, relevant, ks=(k,)).items():
        assert value[0] == of_one(found, k)[name]


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=9), st.lists(st.integers(-3, 3), min_size=1, max_size=9))
def test_grounding_accuracy_is_the_area_under_the_curve(good, bad):
    area = roc_auc_score([1] * len(good) + [0] * len(bad), good + bad)
    assert grounding_accuracy(good, bad) == pytest.approx(area)
    assert grounding_accuracy(good, bad) + grounding_accuracy(bad, good) == pytest.approx(1)


def test_grounding_accuracy_of_one_side_is_unknown():
    assert math.isnan(grounding_accuracy([], [1.0]))
    assert math.isnan(grounding_accuracy([1.0], []))


@given(matrices())
def test_the_order_is_that_of_a_stable_sort(case):
    scores, _, ignore = case
    for row, order, hidden in zip(scores, top(scores, ignore=ignore), ignore, strict=True):
        wanted = [c for c in np.argsort(-row, kind="stable").tolist() if not hidden[c]]
        assert order.tolist() == wanted + [-1] * int(hidden.sum())


@given(matrices(), st.integers(0, 15))
def test_the_first_k_are_the_start_of_the_whole_order(case, k):
    scores, _, ignore = case
    assert np.array_equal(top(scores, k, ignore=ignore), top(scores, ignore=ignore)[:, :k])


def test_order_of_extreme_scores():
    scores = np.array([[-0.0, 0.0, 3e38, -3e38, 1e-45, -1e-45]], dtype=np.float32)
    assert top(scores)[0].tolist() == [2, 4, 0, 1, 5, 3]
    with pytest.raises(ValueError, match="finite"):
        top(np.array([[np.nan]], dtype=np.float32))


@given(matrices(), st.integers(1, 12))
def test_matrices_agree_with_the_definitions(case, k):
    scores, relevant, ignore = case
    queries, gallery = [f"q{n}" for n in range(scores.shape[0])], [f"g{n}" for n in range(scores.shape[1])]
    values = per_query(scores, relevant, ignore=ignore, ks=(k,))
    for row, order in enumerate(rankings(scores, queries, gallery, ignore=ignore)):
        wanted = frozenset(gallery[c] for c in np.flatnonzero(relevant[row] & ~ignore[row]))
        assert order.query_id == queries[row] and list(order.scores) == sorted(order.scores, reverse=True)
        found, count = [entry in wanted for entry in order.ids], len(wanted)
        for name, metric in (("hit", hit), ("precision", precision), ("recall", recall), ("map", average_precision)):
            assert values[f"{name}@{k}"][row] == pytest.approx(metric(found, count, k))
        assert values["map"][row] == pytest.approx(average_precision(found, count, len(found)))
        assert values["mrr"][row] == pytest.approx(reciprocal_rank(found, count, k))


def test_map_agrees_with_scikit_learn():
    rng = np.random.default_rng(0)
    scores, relevant = rng.random((20, 50), dtype=np.float32), rng.random((20, 50)) < 0.2
    relevant[:, 0] = True
    wanted = [average_precision_score(r, s) for r, s in zip(relevant, scores, strict=True)]
    assert per_query(scores, relevant)["map"] == pytest.approx(np.array(wanted))


def test_parts_change_nothing(monkeypatch):
    rng = np.random.default_rng(0)
    scores, relevant, ignore = rng.random((7, 9), dtype=np.float32), rng.random((7, 9)) < 0.5, rng.random((7, 9)) < 0.1
    relevant[:, 0], ignore[:, 0] = True, False
    whole = per_query(scores, relevant, ignore=ignore, rejected=~relevant)
    monkeypatch.setattr(metrics, "_CELLS", 1)
    for name, values in per_query(scores, relevant, ignore=ignore, rejected=~relevant).items():
        assert np.array_equal(values, whole[name], equal_nan=True)


def test_queries_without_an_answer_are_refused():
    with pytest.raises(ValueError, match="query 1 has no relevant entry"):
        per_query(np.zeros((2, 2), dtype=np.float32), np.array([[True, False], [False, False]]))


def test_no_queries_have_no_values():
    values = per_query(np.zeros((0, 3), dtype=np.float32), np.zeros((0, 3), dtype=bool))
    assert values["map"].shape == (0,)


def test_grounding_accuracy_of_a_matrix_leaves_out_the_ignored():
    scores = np.array([[3, 2, 1, 0]], dtype=np.float32)
    relevant, rejected = np.array([[0, 1, 0, 0]], dtype=bool), np.array([[1, 0, 1, 0]], dtype=bool)
    assert per_query(scores, relevant, rejected=rejected)["grounding_accuracy"].tolist() == [0.5]
    ignore = np.array([[1, 0, 0, 0]], dtype=bool)
    assert per_query(scores, relevant, rejected=rejected, ignore=ignore)["grounding_accuracy"].tolist() == [1.0]


def test_a_mask_from_sets():
    made = mask({"q": frozenset({"b", "elsewhere"})}, ["q", "unknown"], ["a", "b"])
    assert made.tolist() == [[False, True], [False, False]]


def test_repeats():
    summary = mean_std_ci([0.7, 0.8, 0.9])
    assert summary.mean == pytest.approx(0.8) and summary.std == pytest.approx(0.1)
    half = 4.302653 * 0.1 / math.sqrt(3)  # the t table's .975 quantile at 2 degrees of freedom
    assert summary.ci95 == pytest.approx((0.8 - half, 0.8 + half), abs=1e-6)
    assert mean_std_ci([0.5]) == (0.5, None, None)


def test_the_bootstrap_is_as_wide_as_theory_says():
    rng = np.random.default_rng(0)
    values = rng.normal(size=400)
    summary = bootstrap_ci(values, [str(n) for n in range(400)], seed=1)
    assert summary.mean == pytest.approx(values.mean())
    assert summary.std == pytest.approx(values.std() / 20, rel=0.1)
    assert summary.ci95 == pytest.approx(
        (summary.mean - 1.96 * summary.std, summary.mean + 1.96 * summary.std), abs=0.02
    )


def test_queries_of_one_group_count_once():
    values = np.repeat(np.random.default_rng(0).normal(size=50), 20)
    groups = [str(n // 20) for n in range(1000)]
    alone = bootstrap_ci(values, [str(n) for n in range(1000)])
    together = bootstrap_ci(values, groups)
    assert together.std == pytest.approx(alone.std * math.sqrt(20), rel=0.2)


def test_intervals_repeat_with_the_seed_and_leave_out_nan():
    values, groups = [0.0, 1.0, 1.0, math.nan, 0.0], list("abcde")
    assert bootstrap_ci(values, groups, seed=3) == bootstrap_ci(values, groups, seed=3)
    assert bootstrap_ci(values, groups).mean == 0.5
    assert bootstrap_ci([0.0, 1.0], ["a", "a"]) == (0.5, None, None)
    with pytest.raises(ValueError, match="0 of them numbers"):
        bootstrap_ci([math.nan], ["a"])
    with pytest.raises(ValueError, match="in 1 places"):
        bootstrap_ci([1.0, 2.0], ["a"])


def test_a_clear_difference_is_found():
    rng = np.random.default_rng(0)
    base, groups = rng.random(300), [str(n // 3) for n in range(300)]
    found = paired_difference(base + 0.05 + 0.1 * rng.normal(size=300), base, groups)
    assert found.p_value < 0.01 and found.ci95[0] > 0
    assert found.mean == pytest.approx(0.05, abs=0.02)


def test_no_difference_is_no_difference():
    same = paired_difference([0.1, 0.2, 0.3], [0.1, 0.2, 0.3], list("abc"))
    assert same == (0.0, (0.0, 0.0), 1.0)
    one_group = paired_difference([1.0, 1.0], [0.0, 0.0], ["a", "a"])
    assert one_group.p_value == 1.0  # one group can flip only as a whole, so nothing is known


@settings(max_examples=20)
@given(st.integers(0, 2**16))
def test_swapping_the_methods_turns_the_sign(seed):
    rng = np.random.default_rng(seed)
    first, second, groups = rng.random(30), rng.random(30), [str(n // 2) for n in range(30)]
    there, back = (paired_difference(*pair, groups, samples=200) for pair in ((first, second), (second, first)))
    assert there.mean == pytest.approx(-back.mean)
    assert there.p_value == back.p_value
    assert there.ci95 == pytest.approx((-back.ci95[1], -back.ci95[0]))


def test_p_values_are_honest_when_nothing_differs():
    rng = np.random.default_rng(0)
    groups = [str(n // 4) for n in range(80)]
    found = [paired_difference(*rng.random((2, 80)), groups, seed=n, samples=200).p_value < 0.1 for n in range(200)]
    assert 0.04 < np.mean(found) < 0.17


def test_subset_recall_ranks_relevant_and_rejected_entries_alone():
    scores = np.array([[0.9, 0.8, 0.7, 0.1], [0.9, 0.8, 0.7, 0.1]], dtype=np.float32)
    relevant = np.array([[False, False, True, False], [True, False, False, False]])
    rejected = np.array([[False, True, False, True], [False] * 4])
    values = per_query(scores, relevant, rejected=rejected, ks=(1, 2, 3))
    first = [values[f"subset_recall@{k}"][0] for k in (1, 2, 3)]
    assert first == [0.0, 1.0, 1.0]
    assert np.isnan(values["subset_recall@1"][1]), "a query that rejects nothing has no subset"


def test_matched_accuracy_counts_pairs_of_siblings_alone():
    # Three pairs share their key: 3 > 1, 2 > 1 and 0 = 0.
    assert matched_accuracy([3, 2, 0], [1, 9, 0], ([7, 7, 8], [7, 9, 8])) == pytest.approx(2.5 / 3)
    assert math.isnan(matched_accuracy([1], [0], ([7], [8])))
    assert math.isnan(matched_accuracy([], [0], ([], [8])))


def test_scores_that_depend_on_the_items_alone_match_by_chance():
    rng = np.random.default_rng(0)
    siblings = rng.integers(0, 5, 40)
    scores = rng.normal(size=(30, 5)).astype(np.float32)[:, siblings]
    relevant = rng.random((30, 40)) < 0.3
    relevant[:, 0] = True
    found = per_query(scores, relevant, rejected=~relevant, siblings=siblings)["matched_accuracy"]
    assert (found == 0.5).all()
