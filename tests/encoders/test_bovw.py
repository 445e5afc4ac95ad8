from __future__ import annotations

import pickle

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from twinlens.core import variants
from twinlens.core.types import Sample, TwinlensError
from twinlens.encoders import _dense_sift
from twinlens.encoders._vocabulary import Vocabulary, learn
from twinlens.encoders.bovw import Bovw

PLAIN = {"colour": "grey", "root": False, "weighting": "tf", "power": 1.0, "norm": "none", "cells": (1, 1)}


def drawn(seed, width=200, height=80):
    """Shapes on a textured ground: edges and corners for the detector."""
    rng = np.random.default_rng(seed)
    ground = rng.integers(180, 220, (height, width, 3), dtype=np.uint8)
    picture = Image.fromarray(ground)
    pen = ImageDraw.Draw(picture)
    for _ in range(12):
        x, y, side = rng.integers(0, width - 20), rng.integers(0, height - 20), rng.integers(6, 24)
        shape = pen.rectangle if rng.random() < 0.5 else pen.ellipse
        shape([int(x), int(y), int(x + side), int(y + side)], fill=tuple(int(c) for c in rng.integers(0, 255, 3)))
    return picture


def flat(width=64, height=64):
    return Image.new("RGB", (width, height), (120, 120, 120))


PICTURES = [drawn(seed) for seed in range(8)]
SAMPLES = [Sample(str(n), picture) for n, picture in enumerate(PICTURES)]


def fitted(**options):
    encoder = Bovw(**{"words": 32, **options})
    encoder.fit(SAMPLES)
    return encoder


def encoded(encoder, pictures):
    arrays = [encoder.prepare(Sample("", picture)) for picture in pictures]
    return encoder({key: torch.from_numpy(np.stack([one[key] for one in arrays])) for key in arrays[0]}).image


def grey(picture):
    return cv2.cvtColor(np.asarray(picture), cv2.COLOR_RGB2GRAY)


def opencv_histograms(encoder, keypoints_of):
    sift = cv2.SIFT_create()
    bag = cv2.BOWImgDescriptorExtractor(sift, cv2.BFMatcher(cv2.NORM_L2))
    bag.setVocabulary(encoder.vocabulary.numpy())
    return np.concatenate([bag.compute(grey(picture), keypoints_of(sift, grey(picture))) for picture in PICTURES])


def opencv_grid(height, width, step, size):
    points = _dense_sift.grid(height, width, step, size).points
    return [cv2.KeyPoint(float(x), float(y), size, 0.0) for x, y in points]


def test_detected_keypoints_give_the_histograms_of_opencv():
    encoder = fitted(keypoints="detected", **PLAIN)
    expected = opencv_histograms(encoder, lambda sift, picture: sift.detect(picture, None))
    assert expected.sum(axis=1) == pytest.approx(1)
    assert np.abs(encoded(encoder, PICTURES).vector.numpy() - expected).max() <= 1e-5


@pytest.mark.parametrize(("step", "size"), [(8, 8.0), (5, 4.0), (9, 13.0)])
def test_dense_keypoints_give_the_histograms_of_opencv(step, size):
    encoder = fitted(step=step, size=size, **PLAIN)
    expected = opencv_histograms(encoder, lambda sift, picture: opencv_grid(80, 200, step, size))
    assert np.abs(encoded(encoder, PICTURES).vector.numpy() - expected).max() <= 1e-5


@pytest.mark.parametrize("size", [2.0, 6.0, 8.0, 16.0, 100.0])
@pytest.mark.parametrize("shape", [(100, 400), (9, 7), (1, 30)])
def test_dense_descriptors_are_those_of_opencv(shape, size):
    plane = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    expected = cv2.SIFT_create().compute(plane, opencv_grid(*shape, 5, size))[1]
    mine = _dense_sift.describe(plane, _dense_sift.grid(*shape, 5, size))
    assert np.array_equal(mine, expected)


def test_near_a_rounding_step_opencv_decides(monkeypatch):
    plane = np.random.default_rng(0).integers(0, 256, (100, 400), dtype=np.uint8)
    grid = _dense_sift.grid(100, 400, 4, 16.0)
    asked = []

    class Counting:
        def compute(self, plane, keypoints):
            asked.append(len(keypoints))
            return cv2.SIFT_create().compute(plane, keypoints)

    monkeypatch.setattr(_dense_sift, "opencv_sift", Counting)
    mine = _dense_sift.describe(plane, grid)
    assert np.array_equal(mine, cv2.SIFT_create().compute(plane, opencv_grid(100, 400, 4, 16.0))[1])
    assert 0 < sum(asked) < 0.2 * len(mine)


def test_the_grid_is_centred_and_never_empty():
    grid = _dense_sift.grid(100, 400, 8, 8.0)
    assert (grid.y[0], 99 - grid.y[-1]) == (1, 2)
    assert (grid.x[0], 399 - grid.x[-1]) == (3, 4)
    assert len(_dense_sift.grid(1, 3, 8, 8.0).points) == 1


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), words=st.integers(1, 40))
def test_words_are_the_nearest_ones_as_opencv_matches_them(seed, words):
    rng = np.random.default_rng(seed)
    centres = rng.integers(0, 3, (words, 128)).astype(np.float32) * 50
    centres[words // 2 :] = centres[: words - words // 2]  # equal centres: the first one wins
    descriptors = np.concatenate(
        [centres, rng.integers(0, 255, (50, 128)).astype(np.float32), np.zeros((3, 128), "f4")]
    )
    expected = [match.trainIdx for match in cv2.BFMatcher(cv2.NORM_L2).match(descriptors, centres)]
    assert Vocabulary(centres).assign(descriptors).tolist() == expected


def test_cells_lie_on_the_map_and_add_up_to_the_picture():
    encoder = fitted(**{**PLAIN, "cells": (2, 5), "step": 4})
    counts = encoder.prepare(SAMPLES[0])["summaries"]
    assert counts.shape == (10, 32)
    whole = fitted(**{**PLAIN, "step": 4}).prepare(SAMPLES[0])["summaries"]
    assert np.array_equal(counts.sum(axis=0, keepdims=True), whole)
    features = encoded(encoder, PICTURES)
    assert features.grid == (2, 5)
    assert features.tokens.shape == (8, 10, 32)
    assert torch.allclose(features.tokens.sum(-1), torch.ones(8, 10))
    x, y = encoder.local.describe(PICTURES[0]).points.T
    inside = (x >= 0.4) & (x < 0.6) & (y >= 0.5)
    assert counts[1 * 5 + 2].sum() == inside.sum()


def test_tf_idf_power_and_norm():
    counts = torch.tensor([[4.0, 1.0, 0.0, 0.0]])
    rarity = torch.tensor([1.0, 3.0, 2.0, 1.0])

    def weighed(**options):
        encoder = Bovw(words=4, **options)
        encoder.rarity.copy_(rarity)
        return encoder.weigh(counts)[0].tolist()

    assert weighed(weighting="tf", power=1, norm="none") == pytest.approx([0.8, 0.2, 0, 0])
    assert weighed(weighting="tfidf", power=1, norm="none") == pytest.approx([0.8, 0.6, 0, 0])
    assert weighed(weighting="tfidf", power=1, norm="l2") == pytest.approx([0.8, 0.6, 0, 0])
    assert weighed(weighting="tf", power=0.5, norm="l1") == pytest.approx([2 / 3, 1 / 3, 0, 0])


def test_a_word_in_every_picture_weighs_one_and_a_rare_one_more():
    encoder = fitted()
    held = np.stack([encoder.prepare(sample)["summaries"].sum(axis=0) > 0 for sample in SAMPLES]).sum(axis=0)
    assert encoder.rarity.numpy() == pytest.approx(1 + np.log(9 / (1 + held)), rel=1e-5)


def test_opponent_colours_tell_apart_what_grey_cannot():
    # Equal grey on both sides of the edge.
    red, green = (128, 0, 0), (0, 65, 0)
    two = Image.new("RGB", (64, 64), red)
    two.paste(green, (0, 0, 32, 64))
    assert np.ptp(grey(two)) == 0
    assert Bovw(colour="grey").local.describe(two).descriptors.max() < 1e-6
    opponent = Bovw(colour="opponent").local.describe(two).descriptors
    assert opponent.shape[1] == 384
    assert opponent[:, 128:256].max() > 0.1


def test_root_sift_has_unit_length():
    lengths = np.linalg.norm(Bovw(colour="grey").local.describe(PICTURES[0]).descriptors, axis=1)
    assert lengths == pytest.approx(1, abs=1e-5)


def test_large_pictures_are_reduced_and_answer_like_their_reduction():
    encoder = fitted(side=100)
    large = drawn(3, 400, 160)
    small = large.resize((100, 40), Image.Resampling.BILINEAR, reducing_gap=2.0)
    assert torch.equal(encoded(encoder, [large]).vector, encoded(encoder, [small]).vector)
    assert large.size == (400, 160)


def test_pictures_without_keypoints_and_samples_without_picture():
    encoder = fitted(keypoints="detected", cells=(2, 2))
    features = encoded(encoder, [flat(), None, PICTURES[0]])
    assert features.vector[:2].abs().max() == 0
    assert features.tokens.isfinite().all()
    assert features.present.tolist() == [True, False, True]


def test_the_seed_decides_and_a_stream_is_read_once():
    one = fitted(seed=3, pictures=4)
    other = Bovw(words=32, seed=3, pictures=4)
    other.fit(sample for sample in SAMPLES)
    assert torch.equal(one.vocabulary, other.vocabulary)
    assert not torch.equal(one.vocabulary, fitted(seed=4, pictures=4).vocabulary)


def test_learning_looks_at_no_more_pictures_than_asked():
    seen = []

    def picture(n):
        def draw():
            seen.append(n)
            return PICTURES[n % 8]

        return draw

    encoder = Bovw(words=8)
    learn((Sample(str(n), picture(n)) for n in range(300)), encoder.local, 8, pictures=5, seed=0)
    assert len(set(seen)) == 5
    assert max(seen) > 50  # a draw of all, not the first ones


def test_the_state_dict_restores_everything(tmp_path):
    encoder, other = fitted(), Bovw(words=32)
    other.load_state_dict(encoder.state_dict())
    assert torch.equal(encoded(encoder, PICTURES).tokens, encoded(other, PICTURES).tokens)
    copy = pickle.loads(pickle.dumps(encoder))
    assert np.array_equal(copy.prepare(SAMPLES[0])["summaries"], encoder.prepare(SAMPLES[0])["summaries"])


def test_before_it_is_fitted_it_says_so():
    with pytest.raises(TwinlensError, match="not learned yet"):
        Bovw().prepare(SAMPLES[0])


def test_too_few_pictures_are_refused():
    with pytest.raises(TwinlensError, match="distinct descriptors"):
        Bovw(words=32).fit([Sample("", flat())])
    with pytest.raises(TwinlensError, match="no sample has one"):
        Bovw(words=32).fit([Sample("", None, "a text")])


@pytest.mark.parametrize(
    "options",
    [
        {"keypoints": "some"},
        {"colour": "hsv"},
        {"weighting": "bm25"},
        {"norm": "l3"},
        {"power": 0.0},
        {"step": 0},
        {"size": 0.0},
        {"words": 0},
        {"cells": (0, 4)},
        {"cells": (4,)},
    ],
)
def test_options_that_make_no_sense_are_refused(options):
    with pytest.raises(TwinlensError):
        variants.make("encoders", "bovw", **options)
