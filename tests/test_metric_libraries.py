"""Metrics agree with scikit-learn and with trec_eval (through ir-measures) on random rankings, ties included."""

from __future__ import annotations

import ir_measures
import numpy as np
import pytest
from ir_measures import AP, RR, P, Qrel, R, ScoredDoc, Success
from sklearn.metrics import average_precision_score, precision_score, recall_score, roc_auc_score

from twinlens.metrics import per_query, top

QUERIES, ENTRIES, KS = 60, 50, (1, 5, 10, 100)
SEEDS = range(3)


def exactly(values):
    return pytest.approx(values, rel=0, abs=1e-9, nan_ok=True)


def drawn(seed, *, ties):
    """Scores (Q, N), of nine values if `ties`, and masks of relevant and of rejected entries."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(QUERIES, ENTRIES)).astype(np.float32)
    if ties:
        scores = np.round(2 * scores).clip(-4, 4) / np.float32(2)
    relevant = rng.random((QUERIES, ENTRIES)) < rng.uniform(0.02, 0.5, (QUERIES, 1))
    relevant[:, 0] |= ~relevant.any(axis=1)
    rejected = ~relevant & (rng.random((QUERIES, ENTRIES)) < 0.4)
    rejected[:, 1] |= ~rejected.any(axis=1) & ~relevant[:, 1]
    return scores, relevant, rejected


def by_trec_eval(scores, relevant):
    """Measure → (Q,). Of equal scores trec_eval ranks the larger id first: ids fall where columns rise."""
    names = [f"{ENTRIES - column:04d}" for column in range(ENTRIES)]
    qrels = [Qrel(f"{q:03d}", names[n], int(relevant[q, n])) for q in range(QUERIES) for n in range(ENTRIES)]
    run = [ScoredDoc(f"{q:03d}", names[n], float(scores[q, n])) for q in range(QUERIES) for n in range(ENTRIES)]
    measures = [AP, RR, *(measure @ k for measure in (AP, P, R, Success) for k in KS)]
    found = {str(measure): np.full(QUERIES, np.nan) for measure in measures}
    for value in ir_measures.pytrec_eval.iter_calc(measures, qrels, run):
        found[str(value.measure)][int(value.query_id)] = value.value
    return found


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_rankings_agree_with_trec_eval(seed, ties):
    scores, relevant, _ = drawn(seed, ties=ties)
    ours, theirs = per_query(scores, relevant, ks=KS), by_trec_eval(scores, relevant)
    counts = relevant.sum(axis=1)
    assert ours["map"] == exactly(theirs["AP"])
    assert ours["mrr"] == exactly(theirs["RR"])
    for k in KS:
        assert ours[f"hit@{k}"] == exactly(theirs[f"Success@{k}"])
        assert ours[f"precision@{k}"] == exactly(theirs[f"P@{k}"])
        assert ours[f"recall@{k}"] == exactly(theirs[f"R@{k}"])
        # trec_eval divides by all relevant entries, CIRCO by those that k places have room for.
        assert ours[f"map@{k}"] * np.minimum(counts, k) / counts == exactly(theirs[f"AP@{k}"])


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_rankings_agree_with_scikit_learn(seed, ties):
    """Its average precision takes equal scores as one place: they are given the places that they have here."""
    scores, relevant, _ = drawn(seed, ties=ties)
    ours, order = per_query(scores, relevant, ks=KS), top(scores)
    places = np.empty_like(order)
    np.put_along_axis(places, order, np.arange(ENTRIES)[None], axis=1)
    wanted = [average_precision_score(row, -place) for row, place in zip(relevant, places, strict=True)]
    assert ours["map"] == exactly(wanted)
    for k in (1, 5, 10):
        first = places < k
        pairs = list(zip(relevant, first, strict=True))
        assert ours[f"precision@{k}"] == exactly([precision_score(row, chosen) for row, chosen in pairs])
        assert ours[f"recall@{k}"] == exactly([recall_score(row, chosen) for row, chosen in pairs])


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_pairs_agree_with_areas_under_scikit_learns_curves(seed, ties):
    scores, relevant, rejected = drawn(seed, ties=ties)
    siblings = np.random.default_rng(seed).integers(0, 6, ENTRIES)
    ours = per_query(scores, relevant, rejected=rejected, siblings=siblings)
    judged = relevant | rejected
    areas = [roc_auc_score(r[j], s[j]) for r, j, s in zip(relevant, judged, scores, strict=True)]
    assert ours["grounding_accuracy"] == exactly(areas)
    matched = []
    for row in range(QUERIES):
        areas, pairs = [], []
        for items in range(6):
            among = judged[row] & (siblings == items)
            true = int(relevant[row, among].sum())
            if 0 < true < among.sum():
                areas.append(roc_auc_score(relevant[row, among], scores[row, among]))
                pairs.append(true * (int(among.sum()) - true))
        matched.append(np.average(areas, weights=pairs) if pairs else np.nan)
    assert ours["matched_accuracy"] == exactly(matched)
    assert np.isfinite(ours["matched_accuracy"]).sum() > QUERIES / 2
