"""Baselines: the same composer with a side dropped, two late fusions, an ablation, and fresh weights."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from twinlens.evaluation import baselines
from twinlens.evaluation.baselines import BASELINES, COMPOSED, baseline_scores
from twinlens.evaluation.judgements import Judgements


@pytest.fixture
def judgements(toy_edits):
    return Judgements.of(toy_edits)


def test_baselines_are_the_same_composer_with_a_side_dropped(toy_composer, judgements):
    scores = baseline_scores(toy_composer, judgements.queries, judgements.gallery, seed=1)
    assert set(scores) == {COMPOSED, *BASELINES}
    gallery = toy_composer.embed(judgements.gallery)
    pictures = toy_composer.embed([replace(query, text="") for query in judgements.queries])
    words = toy_composer.embed([replace(query, image=None) for query in judgements.queries])
    np.testing.assert_allclose(scores["image_only"], pictures @ gallery.T, atol=1e-5)
    np.testing.assert_allclose(scores["text_only"], words @ gallery.T, atol=1e-5)
    np.testing.assert_allclose(scores["late_sum"], scores["image_only"] + scores["text_only"], atol=1e-5)
    product = (1 + scores["image_only"]) * (1 + scores["text_only"])
    np.testing.assert_allclose(scores["late_product"], product, atol=1e-5)
    assert not np.allclose(scores["untrained"], scores[COMPOSED])
    assert not np.allclose(scores["shuffled_text"], scores[COMPOSED])


def test_image_only_cannot_tell_two_edits_of_one_picture_apart(toy_composer, judgements):
    scores = baseline_scores(toy_composer, judgements.queries, judgements.gallery, seed=0)["image_only"]
    same = [n for n, query in enumerate(judgements.queries) if query.id.startswith("red-green-blue:")]
    assert len(same) == 6
    np.testing.assert_allclose(scores[same], scores[same[:1]].repeat(6, axis=0), atol=1e-5)


def test_the_seed_decides_how_texts_are_shuffled(judgements):
    first, same, other = (baselines.shuffle_texts(judgements.queries, seed) for seed in (0, 0, 1))
    assert first == same != other
    assert sorted(query.text for query in first) == sorted(query.text for query in judgements.queries)
    assert [query.image for query in first] == [query.image for query in judgements.queries]
    assert baselines.query_variants(judgements.queries, 1)["shuffled_text"] == other


def test_added_vectors_rank_as_added_scores():
    image, text, gallery = np.random.default_rng(0).normal(size=(3, 6, 8)).astype(np.float32)
    added = baselines.add_vectors(image, text)
    np.testing.assert_allclose(np.linalg.norm(added, axis=1), 1, atol=1e-6)
    late_sum = baselines.late_fusions(image @ gallery.T, text @ gallery.T)["late_sum"]
    assert (np.argsort(added @ gallery.T) == np.argsort(late_sum)).all()
