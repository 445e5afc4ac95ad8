"""Pictures of scenes, like NLVR's; each kind of item is drawn once, then pasted."""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from twinlens.shapes.scenes import BOX, COLOURS, PITCH, Scene

WIDTH, HEIGHT = 4 * BOX, BOX
BACKGROUND = 211
"""Grey of the boxes."""
SEPARATOR = 128
"""Grey between the boxes, and right of the last."""
_SAMPLES = 4  # per pixel and axis, the antialiasing of NLVR's own pictures


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
    cover = _coverage(shape, size)[..., None]
    pixels = cover * np.array(COLOURS[colour]) + (1 - cover) * BACKGROUND
    return Image.fromarray(np.rint(pixels).astype(np.uint8))


def _coverage(shape: str, size: int) -> NDArray[np.float64]:
    """Compute the share of each pixel that a shape covers (size, size), 0 to 1, from 4×4 points per pixel."""
    points = (np.arange(size * _SAMPLES) + 0.5) / _SAMPLES
    x, y = points[None, :], points[:, None]
    middle = size / 2
    inside = {
        "square": np.ones((len(points), len(points)), dtype=np.bool_),
        "circle": (x - middle) ** 2 + (y - middle) ** 2 <= middle**2,
        "triangle": np.abs(x - middle) <= y / 2,  # the apex in the middle of the upper edge
    }[shape]
    cover: NDArray[np.float64] = inside.reshape(size, _SAMPLES, size, _SAMPLES).mean(axis=(1, 3))
    return cover
