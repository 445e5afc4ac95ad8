"""Pictures as squares of RGB values, which pre-trained networks read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, Self, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from twinlens.core.types import Arrays, Picture, Sample, TwinlensError
from twinlens.media import images

Fit: TypeAlias = Literal["crop", "stretch", "pad"]
"""Ways to make a picture square: cut out its middle; stretch it; or put the whole of it on white."""

MOST_PIXELS = 8192
"""Pixels on a side; networks read some hundred."""
DECODE_FACTOR = 2
"""JPEGs are decoded at least this many times as large as needed, as for Pillow's thumbnails: then the decoder's coarse
downscaling hardly shows."""


@dataclass(frozen=True)
class Square:
    """A square of `pixels` × `pixels`.

    margin: for "crop", the picture is first resized so that its shorter side is this much longer than the square.
    resample: the number of one of Pillow's filters.
    """

    name: ClassVar[str] = "square"
    pixels: int
    fit: Fit = "crop"
    margin: int = 0
    resample: int = Image.Resampling.BICUBIC

    def __post_init__(self) -> None:
        if not (0 < self.pixels <= MOST_PIXELS and 0 <= self.margin <= MOST_PIXELS):
            raise TwinlensError(f"squares have 1 to {MOST_PIXELS} pixels on a side, not {self.pixels}")
        if self.fit not in get_args(Fit):
            raise TwinlensError(f"fit must be 'crop', 'stretch' or 'pad', not {self.fit!r}")

    @classmethod
    def restore(cls, _: Path, /, **settings: Any) -> Self:
        """Make a preparation from its settings."""
        return cls(**settings)

    @classmethod
    def of_processor(cls, config: Mapping[str, Any]) -> Self:
        """Read the options from a checkpoint's preprocessor_config.json. Raises TwinlensError for no fixed square."""
        size = config.get("size") or {}
        size = size if isinstance(size, Mapping) else {"shortest_edge": size}
        resample = int(config.get("resample") or Image.Resampling.BICUBIC)
        if shorter := size.get("shortest_edge"):
            crop = config.get("crop_size") or shorter
            crop = crop["height"] if isinstance(crop, Mapping) else crop
            crop = crop if config.get("do_center_crop") else shorter
            return cls(int(crop), "crop", int(shorter - crop), resample)
        if (height := size.get("height")) and height == size.get("width"):
            return cls(int(height), "stretch", 0, resample)
        raise TwinlensError("it reads pictures of no fixed square size")

    def prepare(self, sample: Sample) -> Arrays:
        """Return pixels (S, S, 3) uint8 and image_present ()."""
        present = np.asarray(sample.image is not None)
        return {"pixels": self.square(sample.image), "image_present": present}

    def square(self, picture: Picture | None) -> NDArray[np.uint8]:
        """Resize a picture to RGB values (S, S, 3); black when there is no picture.

        Raises TwinlensError for a picture that cannot be read.
        """
        pixels, resample = self.pixels, Image.Resampling(self.resample)
        if picture is None:
            return np.zeros((pixels, pixels, 3), dtype=np.uint8)
        shorter = pixels + self.margin
        image = images.load(picture, near=(DECODE_FACTOR * shorter, DECODE_FACTOR * shorter))
        if self.fit == "stretch":
            return np.asarray(image.resize((pixels, pixels), resample))
        scale = shorter / min(image.size) if self.fit == "crop" else pixels / max(image.size)
        width, height = (max(1, round(scale * side)) for side in image.size)
        image = image.resize((width, height), resample)
        left, top = (width - pixels) // 2, (height - pixels) // 2
        if self.fit == "crop":
            return np.asarray(image.crop((left, top, left + pixels, top + pixels)))
        canvas = Image.new("RGB", (pixels, pixels), "white")
        canvas.paste(image, (-left, -top))
        return np.asarray(canvas)

    def cuts(self, _: str, /) -> bool:
        """Return False: no text is read."""
        return False

    def settings(self) -> Mapping[str, Any]:
        """Return the options."""
        return asdict(self)

    def save(self, _: Path, /) -> None:
        """Write nothing."""
