from __future__ import annotations

import functools
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from scene_notation import of_nlvr, scene

from twinlens.datasets import nlvr
from twinlens.shapes.changes import random_change
from twinlens.shapes.drawing import draw
from twinlens.shapes.scenes import random_scene

NLVR = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "nlvr"


def test_an_empty_scene_is_three_grey_boxes():
    pixels = np.asarray(draw(scene("")))
    assert pixels.shape == (100, 400, 3)
    assert set(np.unique(pixels[:, :100])) == {211}
    assert set(np.unique(pixels[:, 100:150])) == {128}
    assert set(np.unique(pixels[:, 300:])) == {211}


def test_items_are_drawn_where_they_are():
    pixels = np.asarray(draw(scene("ys20@0,0", "bc30@10,20", "kt20@80,80")))
    assert (pixels[:20, :20] == (255, 255, 0)).all()
    assert (pixels[35, 175] == (0, 153, 255)).all()
    assert (pixels[20, 160] == 211).all()
    assert (pixels[99, 390] == 0).all()
    assert (pixels[80, 380] == 211).all()


def test_edges_are_smooth():
    blue = np.asarray(draw(scene("yc30@10,10")))[..., 2]
    assert len(np.unique(blue[10:40, 10:40])) > 5


def test_drawing_does_not_change_the_next_picture():
    draw(scene("ys30@0,0"))
    assert (np.asarray(draw(scene("")))[0, 0] == 211).all()


@given(st.integers(0, 2**32))
def test_different_scenes_have_different_pictures(seed):
    rng = np.random.default_rng(seed)
    one = random_scene(rng)
    other = random_change(rng, one)
    assert other is None or np.asarray(draw(one)).tobytes() != np.asarray(draw(other)).tobytes()


def test_a_drawing_travels_to_other_processes():
    picture = functools.partial(draw, scene("ys20@0,0"))
    again = pickle.loads(pickle.dumps(picture))
    assert np.array_equal(np.asarray(again()), np.asarray(picture()))


@pytest.mark.skipif(not NLVR.is_dir(), reason="NLVR is not in shared/data beside the repository")
def test_nlvr_scenes_look_like_nlvr_pictures():
    for row in nlvr.rows(NLVR, "dev")[:100]:
        drawn = of_nlvr(row)
        for file, order in zip(row.pictures, nlvr.ORDERS, strict=True):
            with Image.open(file) as theirs:
                difference = np.asarray(theirs.convert("RGB"), int) - np.asarray(draw(drawn.reordered(order)), int)
            # Edges of circles alone differ: by rounding, or by one of sixteen points that count for a pixel.
            assert np.abs(difference).mean() < 0.2
            assert np.abs(difference).max() <= 48
