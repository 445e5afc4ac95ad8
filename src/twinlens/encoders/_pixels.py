"""Pictures as the squares that pre-trained networks read."""

from __future__ import annotations

from typing import Literal, TypeAlias, cast, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from twinlens.core.types import Picture, TwinlensError
from twinlens.media import images

Fit: TypeAlias = Literal["crop", "stretch", "pad"]
"""Ways to make a picture square: cut out its middle; stretch it; or put the whole of it on white."""

DECODE_FACTOR = 2
"""JPEGs are decoded at least this many times as large as needed, as for Pillow's thumbnails: then the decoder's coarse
downscaling hardly shows."""


def square(
    picture: Picture | None,
    pixels: int,
    fit: Fit,
    *,
    margin: int = 0,
    resample: Image.Resampling = Image.Resampling.BICUBIC,
) -> NDArray[np.uint8]:
    """Resize a picture to a square of RGB values (pixels, pixels, 3); black when there is no picture.

    margin: for "crop", the picture is first resized so that its shorter side is this much longer than the square.
    Raises TwinlensError for a picture that cannot be read.
    """
    if picture is None:
        return np.zeros((pixels, pixels, 3), dtype=np.uint8)
    image = images.load(picture, near=(DECODE_FACTOR * (pixels + margin), DECODE_FACTOR * (pixels + margin)))
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
    """Check the value of an option `fit`. Raises TwinlensError for an unknown one."""
    if fit not in get_args(Fit):
        raise TwinlensError(f"fit must be 'crop', 'stretch' or 'pad', not {fit!r}")
    return cast("Fit", fit)
