"""Pictures in memory: encoded bytes, arrays of pixels and PIL images, brought into the forms that every room takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from twinlens.core.types import Picture, TwinlensError
from twinlens.media.sources import EncodedPicture

SHAPES = "(H, W, 3), (H, W, 4) or (H, W, 1)"
"""Shapes of arrays of pixels: RGB, RGBA and grey."""


def as_picture(given: Any) -> Picture:
    """Return text as a path, bytes and arrays as pictures in memory, and anything else as it is.

    Raises TwinlensError for no bytes at all, and for an array that has no pixels as bytes.
    """
    if isinstance(given, str):
        return Path(given)
    if isinstance(given, bytes | bytearray | memoryview):
        if not len(given):
            raise TwinlensError("a picture of no bytes; give the content of its file")
        return EncodedPicture(bytes(given))
    if isinstance(given, np.ndarray):
        return from_array(given)
    picture: Picture = given
    return picture


def from_array(pixels: np.ndarray[Any, Any]) -> Image.Image:
    """Return pixels (H, W, 3 | 4 | 1) or (H, W) of uint8, 0 to 255, as a picture. Raises TwinlensError for others."""
    if pixels.dtype != np.uint8:
        scaled = "(255 * array).round()" if pixels.dtype.kind == "f" else "array"
        raise TwinlensError(
            f"an array of pixels must be uint8, 0 to 255, not {pixels.dtype}; give {scaled}.astype(numpy.uint8)"
        )
    plane = pixels[..., 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels
    if plane.ndim not in (2, 3) or (plane.ndim == 3 and plane.shape[2] not in (3, 4)):
        hint = "; give array.transpose(1, 2, 0)" if plane.ndim == 3 and plane.shape[0] in (1, 3, 4) else ""
        raise TwinlensError(f"an array of pixels must have the shape {SHAPES}, not {pixels.shape}{hint}")
    if not plane.size:
        raise TwinlensError(f"an array of pixels of the shape {pixels.shape} has none")
    return Image.fromarray(np.ascontiguousarray(plane))
