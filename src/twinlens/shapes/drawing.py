"""Pictures of scenes, like NLVR's; each kind of item is drawn once, then pasted."""

from __future__ import annotations

import functools

import numpy as np
from PIL import Image

from twinlens.reading.templates import coverage
from twinlens.reading.world import BACKGROUND, BOX, COLOURS, HEIGHT, PITCH, SEPARATOR, WIDTH
from twinlens.shapes.scenes import Scene


def draw(scene: Scene) -> Image.Image:
    """Draw a scene, antialiased, in RGB, 400×100 pixels; it equals NLVR's picture but for rounding at edges."""
    picture = _empty().copy()
    for place, item in scene.items():
        picture.paste(_stamp(item.shape, item.colour, item.size), (PITCH * place + item.x, item.y))
    return picture


@functools.cache
def _empty() -> Image.Image:
    """Draw the three boxes without items."""
    row = np.where(np.arange(WIDTH) % PITCH < BOX, BACKGROUND, SEPARATOR).astype(np.uint8)
    return Image.fromarray(np.broadcast_to(row[:, None], (HEIGHT, WIDTH, 3)).copy())


@functools.cache
def _stamp(shape: str, colour: str, size: int) -> Image.Image:
    """Draw an item on the grey of a box."""
    cover = coverage(shape, size)[..., None]
    pixels = cover * np.array(COLOURS[colour]) + (1 - cover) * BACKGROUND
    return Image.fromarray(np.rint(pixels).astype(np.uint8))
