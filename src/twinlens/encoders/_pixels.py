"""A picture as the square that a pre-trained network reads."""

from __future__ import annotations

from typing import Literal, TypeAlias, cast, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from twinlens.core.types import Picture, TwinlensError
from twinlens.media import images

Fit: TypeAlias = Literal["crop", "stretch", "pad"]
"""The middle of the picture, the picture out of proportion, or the whole picture on white."""


DECODED = 2
"""JPEGs are decoded at least this many times as large as needed, as for Pillow's thumbnails: the decoder's own way of
making pictures smaller then hardly shows."""


def square(
    picture: Picture | None,
    pixels: int,
    fit: Fit,
    *,
    margin: int = 0,
    resample: Image.Resampling = Image.Resampling.BICUBIC,
) -> NDArray[np.uint8]:
    """(pixels, pixels, 3) in RGB; black where there is no picture.

    margin: for "crop", how many pixels longer than the square the shorter side is made first. Raises TwinlensError for
    a picture that cannot be read.
    """
    if picture is None:
        return np.zeros((pixels, pixels, 3), dtype=np.uint8)
    image = images.load(picture, near=(DECODED * (pixels + margin), DECODED * (pixels + margin)))
    if fit == "stretch":
        return np.asarray(image.resize((pixels, pixels), resample))
    scale = (pixels + margin) / min(image.size) if fit == "crop" else pixels / max(image.size)
    width, height = (max(1, round(scale * side)) for side in image.size)
    image = image.resize((width, height), resample)
    left, top = (width - pixels) // 2, (height - pixels) // 2
    if fit == "crop":
        return np.asarray(image.crop((left, top, left + pixels, top + pixels)))
    canvas = Image.new("RGB", (pixels, pixels), "white")
    canvas.paste(image, (-left, -top))
    return np.asarray(canvas)


def checked_fit(fit: str) -> Fit:
    """The word, if it is one of those. Raises TwinlensError."""
    if fit not in get_args(Fit):
        raise TwinlensError(f"fit must be 'crop', 'stretch' or 'pad', not {fit!r}")
    return cast("Fit", fit)
