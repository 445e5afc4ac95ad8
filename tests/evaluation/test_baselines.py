"""Baselines: the same composer with a side dropped, two late fusions, an ablation, and fresh weights."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
from PIL import Image

from twinlens.core.types import Sample
from twinlens.evaluation import baselines
from twinlens.evaluation.baselines import BASELINES, COMPOSED, baseline_scores
from twinlens.evaluation.judgements import Judgements


@pytest.fixture
def judgements(toy_edits):
    return Judgements.of(toy_edits)


def test_baselines_are_the_same_composer_with_a_side_dropped(toy_composer, judgements):
    found = list(baseline_scores(toy_composer, judgements.queries, judgements.gallery, seed=1, shuffles=3))
    scores = dict(found)
    assert set(scores) == {COMPOSED, *BASELINES} - {"random"}
    shuffled = [matrix for name, matrix in found if name == "shuffled_text"]
    assert len(found) == len(scores) + 2
    assert not np.allclose(shuffled[0], shuffled[1]) and not np.allclose(shuffled[1], shuffled[2])
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
    gallery = toy_composer.embed(judgements.gallery)
    scores = baselines.variant_scores(toy_composer, judgements.queries, gallery, seed=0)["image_only"]
    same = [n for n, query in enumerate(judgements.queries) if query.id.startswith("red-green-blue:")]
    assert len(same) == 6
    np.testing.assert_allclose(scores[same], scores[same[:1]].repeat(6, axis=0), atol=1e-5)


def test_the_seed_decides_how_texts_are_shuffled(judgements):
    first, same, other = (baselines.shuffle_texts(judgements.queries, seed) for seed in (0, 0, 1))
    assert first == same != other
    assert sorted(query.text for query in first) == sorted(query.text for query in judgements.queries)
    assert [query.image for query in first] == [query.image for query in judgements.queries]
    assert baselines.query_variants(judgements.queries, 1)["shuffled_text"] == other


def picture(*colours):
    """One row of pixels."""
    return Image.fromarray(np.array([colours], dtype=np.uint8))


YELLOW, BLACK, BLUE, GREY = (255, 255, 0), (0, 0, 0), (0, 153, 255), (211, 211, 211)


def test_pixel_counts_are_the_shares_of_colours():
    codes = baselines.pixel_counts([Sample("a", picture(YELLOW, YELLOW, YELLOW, BLACK)), Sample("b", None, "words")])
    assert codes.shape == (2, 64) and codes.dtype == np.float32
    assert sorted(codes[0])[-3:] == pytest.approx([0, 0.5, 0.75**0.5])
    assert not codes[1].any()


def test_pixel_counts_tell_the_colours_of_nlvr_apart():
    codes = baselines.pixel_counts([Sample(str(n), picture(c)) for n, c in enumerate((YELLOW, BLACK, BLUE, GREY))])
    assert np.array_equal(codes @ codes.T, np.eye(4))


def test_pixels_that_change_places_count_the_same():
    shown = [Sample(str(n), picture(*p)) for n, p in enumerate(permutations([YELLOW, BLACK, BLUE, GREY, GREY]))]
    query = Sample("q", picture(YELLOW, YELLOW, BLACK, BLUE, GREY))
    scores = baselines.count_scores([query], [*shown, query])
    assert len(set(scores[0, :-1].tolist())) == 1
    assert scores[0, -1] == pytest.approx(1) and scores[0, -1] > scores[0, 0]


def test_large_pictures_are_counted_by_a_part_of_their_pixels(monkeypatch):
    monkeypatch.setattr(baselines, "MAX_COUNTED", 25)
    half = np.zeros((20, 20, 3), dtype=np.uint8)
    half[:, 10:] = YELLOW
    codes = baselines.pixel_counts([Sample("a", Image.fromarray(half))])
    assert sorted(codes[0] ** 2)[-2:] == pytest.approx([0.4, 0.6])  # columns 0, 4, 8 | 12, 16


def test_added_vectors_rank_as_added_scores():
    image, text, gallery = np.random.default_rng(0).normal(size=(3, 6, 8)).astype(np.float32)
    added = baselines.add_vectors(image, text)
    np.testing.assert_allclose(np.linalg.norm(added, axis=1), 1, atol=1e-6)
    late_sum = baselines.late_fusions(image @ gallery.T, text @ gallery.T)["late_sum"]
    assert (np.argsort(added @ gallery.T) == np.argsort(late_sum)).all()
