"""Items from pixels: drawn scenes come back exactly, and other pictures are no world."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scenes import scene

from twinlens.reading.forms import MOST_ITEMS
from twinlens.reading.items import HEIGHT, WIDTH, read_items
from twinlens.reading.world import BOX, PITCH
from twinlens.shapes import scenes
from twinlens.shapes.drawing import draw


def overlaid(*boxes):
    """Draw boxes of items that may touch or overlap: later ones hide earlier ones."""
    canvas = np.array(draw(scenes.Scene(((), (), ()))))
    for place, box in enumerate(boxes):
        for item in box:
            alone = np.array(draw(scenes.Scene(((scenes.Item(*item),), (), ()))))[:, :BOX]
            part = canvas[:, PITCH * place : PITCH * place + BOX]
            part[:] = np.where((np.abs(alone.astype(int) - 211).max(axis=2) > 0)[..., None], alone, part)
    return Image.fromarray(canvas)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 7))
def test_drawn_scenes_come_back_exactly(seed, most):
    world = scenes.random_scene(np.random.default_rng(seed), items=(1, most), tower_share=0.4)
    assert read_items(draw(world)) == world.boxes


def test_an_empty_box_has_no_items():
    assert read_items(draw(scenes.Scene(((), (), ())))) == ((), (), ())


@pytest.mark.parametrize(
    "box",
    [
        "ys20@10,10 ys20@30,10",
        "ys20@10,10 ys20@30,20 ys10@10,30",
        "yc30@10,10 ys20@40,15",
        "bt30@10,10 bs30@10,40",
        "ys30@10,10 yc20@30,30",
        "kc30@20,20 kt30@35,35",
        "bs30@10,10 bc10@37,37 bt20@50,60",
        "ys20@10,10 bs20@30,10",
        "ks30@10,10 yc30@30,30",
        "ys30@40,40 bc20@60,60 kt30@10,45",
    ],
)
def test_items_that_touch_or_overlap_are_told_apart(box):
    boxes = scene(box, "", box)
    assert read_items(overlaid(*boxes)) == tuple(tuple(sorted(part)) for part in boxes)


def test_pictures_with_an_alpha_channel_or_as_jpeg_are_read(tmp_path):
    world = scenes.random_scene(np.random.default_rng(3), items=(2, 5))
    assert read_items(draw(world).convert("RGBA")) == world.boxes
    draw(world).save(tmp_path / "world.jpg", quality=92)
    with Image.open(tmp_path / "world.jpg") as picture:
        assert read_items(picture) == world.boxes


@pytest.mark.parametrize(
    "picture",
    [
        Image.new("RGB", (WIDTH, HEIGHT)),
        Image.new("RGB", (WIDTH, HEIGHT), (128, 128, 128)),
        Image.new("RGB", (WIDTH, HEIGHT), (255, 255, 0)),
        Image.new("RGB", (20, 20)),
        Image.fromarray(np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8)),
    ],
)
def test_a_picture_of_another_world_is_none(picture):
    assert read_items(picture) is None


def test_a_form_of_another_size_is_none():
    canvas = np.array(draw(scenes.Scene(((), (), ()))))
    canvas[10:90, 10:17] = (255, 255, 0)
    assert read_items(Image.fromarray(canvas)) is None
    canvas[:, :BOX] = (255, 255, 0)
    assert read_items(Image.fromarray(canvas)) is None


def test_more_items_than_a_box_holds_are_none():
    crowd = [scenes.Item("square", "blue", 10, 11 * place, 0) for place in range(MOST_ITEMS + 1)]
    assert read_items(draw(scenes.Scene((tuple(crowd), (), ())))) is None
    assert read_items(draw(scenes.Scene((tuple(crowd[:-1]), (), ())))) is not None
