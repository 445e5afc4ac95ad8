from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from twinlens.core.types import TwinlensError
from twinlens.preparation.square import Square


def striped() -> Image.Image:
    """Red, green, blue from left to right, three times as wide as high."""
    picture = Image.new("RGB", (300, 100))
    for n, color in enumerate(("red", "lime", "blue")):
        picture.paste(color, (100 * n, 0, 100 * (n + 1), 100))
    return picture


def test_a_crop_shows_the_middle_alone():
    assert (Square(32).square(striped())[:, 3:-3] == (0, 255, 0)).all()


def test_a_margin_leaves_more_out():
    frame = Image.new("RGB", (100, 100), "black")
    frame.paste("white", (20, 20, 80, 80))
    assert Square(32).square(frame).min() == 0
    assert Square(32, margin=32).square(frame).min() == 255


@pytest.mark.parametrize("fit", ["stretch", "pad"])
def test_all_is_shown_otherwise(fit):
    pixels = Square(30, fit).square(striped())
    assert pixels.shape == (30, 30, 3)
    assert pixels[15, [2, 15, 27]].tolist() == [[255, 0, 0], [0, 255, 0], [0, 0, 255]]
    assert (pixels[0] == 255).all() == (fit == "pad")


def test_no_picture_is_black_and_thin_ones_keep_a_pixel():
    assert not Square(8, "pad").square(None).any()
    assert Square(8, "pad").square(Image.new("RGB", (1, 900))).dtype == np.uint8


def test_unknown_words_are_refused():
    with pytest.raises(TwinlensError, match="'crop', 'stretch' or 'pad'"):
        Square(8, "zoom")
