"""Evaluation: baselines that mean what they say, and summaries that agree with a hand count."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests import toy
from twinlens import evaluation
from twinlens.core.types import Dataset, Sample, TwinlensError
from twinlens.evaluation import BASELINES, COMPOSED, Judgements


@pytest.fixture
def judged(toy_edits):
    return Judgements.of(toy_edits)


def test_baselines_are_the_same_composer_with_a_lens_covered(toy_composer, judged):
    found = evaluation.baseline_scores(toy_composer, judged, seed=1)
    assert set(found) == {COMPOSED, *BASELINES}
    gallery = toy_composer.embed(judged.gallery)
    pictures = toy_composer.embed([replace(query, text="") for query in judged.queries])
    words = toy_composer.embed([replace(query, image=None) for query in judged.queries])
    np.testing.assert_allclose(found["image_only"], pictures @ gallery.T, atol=1e-5)
    np.testing.assert_allclose(found["text_only"], words @ gallery.T, atol=1e-5)
    np.testing.assert_allclose(found["sum"], found["image_only"] + found["text_only"], atol=1e-5)
    assert not np.allclose(found["untrained"], found[COMPOSED])
    assert not np.allclose(found["shuffled_text"], found[COMPOSED])


def test_image_only_cannot_tell_two_edits_of_one_picture_apart(toy_composer, judged):
    found = evaluation.baseline_scores(toy_composer, judged)["image_only"]
    same = [n for n, query in enumerate(judged.queries) if query.id.startswith("red-green-blue:")]
    assert len(same) == 6
    np.testing.assert_allclose(found[same], found[same[:1]].repeat(6, axis=0), atol=1e-5)


def test_every_metric_has_a_mean_within_its_interval(toy_composer, toy_edits):
    result = evaluation.evaluate(toy_composer, toy_edits)
    assert result["queries"] == 162
    assert result["gallery"] == 27
    for found in [result["metrics"], *result["baselines"].values()]:
        assert {"hit@1", "hit@5", "hit@10", "map", "mrr", "grounding_accuracy"} <= set(found)
        for summary in found.values():
            low, high = summary["ci95"]
            assert low <= summary["mean"] <= high
    gap = result["composition_gap"]["hit@1"]
    single = max(result["baselines"][side]["hit@1"]["mean"] for side in ("image_only", "text_only"))
    assert gap["mean"] == pytest.approx(result["metrics"]["hit@1"]["mean"] - single)
    assert 0 < gap["p_value"] <= 1


def test_cross_validation_measures_only_what_was_not_trained_on(toy_edits):
    result = evaluation.cross_validate(toy.recipe(epochs=1), toy_edits, repeats=2)
    assert 40 <= result["queries"] <= 80
    assert set(result["baselines"]) == set(BASELINES)


def test_a_dataset_without_answers_is_refused():
    picture = toy.draw(("red", "red", "red"))
    with pytest.raises(TwinlensError, match="nothing can be measured"):
        Judgements.of(Dataset((Sample("q", picture, "x"),), (Sample("g", picture),), {}))
