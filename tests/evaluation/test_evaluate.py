"""Evaluation: summaries that agree with a hand count."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from tests import toy
from twinlens.core.types import Dataset, Sample
from twinlens.evaluation.baselines import WORD_BLIND
from twinlens.evaluation.evaluate import evaluate


def test_every_metric_has_a_mean_within_its_interval(toy_composer, toy_edits):
    result = evaluate(toy_composer, toy_edits)
    assert result["queries"] == 162
    assert result["gallery"] == 27
    for summaries in [result["metrics"], *result["baselines"].values()]:
        assert {"hit@1", "hit@5", "hit@10", "map", "mrr", "grounding_accuracy"} <= set(summaries)
        for summary in summaries.values():
            low, high = summary["ci95"]
            assert low <= summary["mean"] <= high
    density = result["baselines"]["random"]["density"]["mean"]
    assert density == pytest.approx(1 / 27) == result["baselines"]["random"]["hit@1"]["mean"]
    assert "matched_accuracy" not in result["metrics"]  # nothing says which pictures show the same items
    for name, floor in result["floor"].items():
        word_blind = [result["baselines"][row][name]["mean"] for row in WORD_BLIND]
        assert floor["mean"] == pytest.approx(max(word_blind))
        assert floor["mean"] == pytest.approx(result["baselines"][floor["of"]][name]["mean"])
    gap = result["composition_gap"]["hit@1"]
    single = max(result["baselines"][side]["hit@1"]["mean"] for side in ("image_only", "text_only"))
    assert gap["mean"] == pytest.approx(result["metrics"]["hit@1"]["mean"] - single)
    assert 0 < gap["p_value"] <= 1


def test_rankings_by_items_alone_match_by_chance(toy_composer):
    """Four scenes of the same tiles under one sentence, two true and two false, for each of 24 sentences."""
    colours = list(toy.COLOURS)
    tiles = [tuple(np.random.default_rng(n).permutation(colours).tolist()) for n in range(96)]
    gallery = tuple(Sample(str(n), functools.partial(toy.draw, shown)) for n, shown in enumerate(tiles))
    queries = tuple(Sample(f"q{n}", gallery[4 * n].image, f"sentence {n}") for n in range(24))
    data = Dataset(
        queries,
        gallery,
        relevant={f"q{n}": frozenset([str(4 * n + 1)]) for n in range(24)},
        rejected={f"q{n}": frozenset([str(4 * n + 2), str(4 * n + 3)]) for n in range(24)},
        siblings=dict.fromkeys([entry.id for entry in gallery], "one tile of each colour"),
        judged_only=True,
    )
    result = evaluate(toy_composer, data)
    assert result["queries"] == 24
    for row in ("pixel_count", "random"):
        assert result["baselines"][row]["matched_accuracy"]["mean"] == 0.5
    low, high = result["baselines"]["shuffled_text"]["matched_accuracy"]["ci95"]
    assert low - 0.05 <= 0.5 <= high + 0.05  # of 24 queries and one set of untrained weights
    assert result["baselines"]["random"]["density"]["mean"] == pytest.approx(1 / 3)
    assert result["metrics"]["hit@5"]["mean"] == 1  # three judged entries
    assert result["groups"] == {"count": 24, "largest": pytest.approx(1 / 24)}
