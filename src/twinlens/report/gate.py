"""The gate of a fusion laid over the picture that it acts on."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from twinlens.core.explanation import GateMap

RAMP = ((12, 16, 60), (46, 62, 130), (48, 118, 142), (78, 186, 142), (250, 231, 80))
"""Colours from the least to the greatest value, each lighter than the one before."""
OPACITY = 0.62


def gate_overlay(picture: Image.Image, gate: GateMap) -> Image.Image:
    """Lay the map over a picture in grey: the least value of the map is dark blue, the greatest yellow.

    The picture is one that the model stretched to its map, whatever its shape.
    """
    values = np.asarray(gate.values, dtype=np.float64).reshape(gate.rows, gate.columns)
    spread = float(values.max() - values.min())
    scaled = (values - values.min()) / spread if spread > 0 else np.zeros_like(values)
    heat = Image.fromarray(_colours(scaled)).resize(picture.size, Image.Resampling.BICUBIC)
    return Image.blend(picture.convert("L").convert("RGB"), heat, OPACITY)


def ramp(size: tuple[int, int]) -> Image.Image:
    """Draw the scale of colours from left to right, width and height in pixels."""
    return Image.fromarray(_colours(np.tile(np.linspace(0, 1, size[0]), (size[1], 1))))


def _colours(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Turn values (H, W) from 0 to 1 into colours (H, W, 3)."""
    places = np.linspace(0, 1, len(RAMP))
    bands = [np.interp(values, places, [colour[band] for colour in RAMP]) for band in range(3)]
    return np.stack(bands, axis=-1).round().astype(np.uint8)
