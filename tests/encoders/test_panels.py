from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from twinlens.core.types import Sample
from twinlens.encoders.panels import Panels, cell_of
from twinlens.reading.world import COLOURS, SHAPES, SIZES, Item
from twinlens.shapes.drawing import draw
from twinlens.shapes.scenes import Scene, random_scene

FILLS = {"triangle": 0, "circle": 1, "square": 2}


def numbers(picture, **options) -> np.ndarray:
    """(cells, panels, numbers)."""
    return Panels(**options).prepare(Sample("", picture))["cells"].reshape(9, 3, -1)


@given(st.sampled_from(SHAPES), st.sampled_from(list(COLOURS)), st.sampled_from(list(SIZES.values())), st.data())
def test_an_item_is_measured_where_it_is(shape, colour, size, data):
    x, y = (data.draw(st.integers(0, 100 - size)) for _ in range(2))
    told = numbers(draw(Scene(((), (Item(shape, colour, size, x, y),), ()))))
    cell = cell_of(x + size / 2, y + size / 2)
    item = told[cell, 1]
    assert told.any(-1).sum() == 1
    assert item[0] == 1
    np.testing.assert_allclose(item[1:4], np.array(COLOURS[colour]) / 255, atol=1e-6)
    assert item[4:7].tolist() == [float(size == other) for other in SIZES.values()]
    assert item[7:10].argmax() == FILLS[shape] and item[7:10].max() > 0.9
    middle = np.array([x, y]) + size / 2
    np.testing.assert_allclose(item[10:], middle * 0.06 % 2 - 1, atol=1e-5)


def test_items_of_one_cell_are_added():
    one, other = Item("square", "blue", 10, 2, 2), Item("circle", "black", 10, 18, 18)
    both = numbers(draw(Scene(((one, other), (), ()))))
    alone = [numbers(draw(Scene(((item,), (), ())))) for item in (one, other)]
    np.testing.assert_allclose(both, alone[0] + alone[1], atol=1e-6)


def test_a_value_between_two_is_shared_between_them():
    pixels = np.full((100, 400, 3), 211, dtype=np.uint8)
    pixels[10:25, 10:25] = 0  # 15 pixels wide
    pixels[10:60, 160:210] = 0  # larger than the largest
    told = numbers(Image.fromarray(pixels))
    assert told[0, 0, 4:7].tolist() == [0.5, 0.5, 0]
    assert told[:, 1, 4:7].sum(0).tolist() == [0, 0, 1]


def test_a_map_of_cells_and_their_mean():
    encoder = Panels()
    scene = random_scene(np.random.default_rng(0), tower_share=0.0)
    prepared = [encoder.prepare(Sample("", picture)) for picture in (draw(scene), None)]
    side = encoder({key: torch.from_numpy(np.stack([p[key] for p in prepared])) for key in prepared[0]}).image
    assert side.tokens.shape == (2, 9, encoder.dim) and side.grid == (3, 3)
    torch.testing.assert_close(side.vector, side.tokens.mean(1))
    assert side.present.tolist() == [True, False]


def test_panels_are_seen_alike_and_keep_to_their_channels():
    scene = random_scene(np.random.default_rng(0), tower_share=0.0)
    turned, plain = numbers(draw(scene.reordered((2, 0, 1)))), numbers(draw(scene))
    for place, origin in enumerate((2, 0, 1)):
        np.testing.assert_array_equal(turned[:, place], plain[:, origin])


def test_larger_pictures_are_resized():
    picture = draw(Scene(((Item("square", "black", 30, 10, 10),), (), ())))
    larger = picture.resize((800, 200), Image.Resampling.NEAREST)
    np.testing.assert_allclose(numbers(larger)[..., :4], numbers(picture)[..., :4], atol=0.05)


def test_panels_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="do not fit into 300 pixels"):
        Panels(width=300)
