"""Evaluation: summaries that agree with a hand count."""

from __future__ import annotations

import pytest

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
    gap = result["composition_gap"]["hit@1"]
    single = max(result["baselines"][side]["hit@1"]["mean"] for side in ("image_only", "text_only"))
    assert gap["mean"] == pytest.approx(result["metrics"]["hit@1"]["mean"] - single)
    assert 0 < gap["p_value"] <= 1
