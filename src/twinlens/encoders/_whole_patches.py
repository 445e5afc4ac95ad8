"""Pictures in their own proportions, as whole patches of a vision transformer."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from twinlens.core.types import Picture
from twinlens.media import images

LEAST = 4
"""Places that the smallest picture is enlarged to."""


@dataclass(frozen=True)
class WholePatches:
    """Resizing to whole places of `merge` × `merge` patches, at most `places` of them.

    As Qwen's processors do it (`smart_resize` of transformers). A patch is `patch` pixels on a side; it is repeated
    `frames` times, since the network reads videos too.
    """

    patch: int
    merge: int
    frames: int
    places: int

    @property
    def step(self) -> int:
        """Return the pixels on a side of a place."""
        return self.patch * self.merge

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Return the width and height in pixels that a picture is resized to, both multiples of `step`."""
        step = self.step
        sides = [max(step, round(side / step) * step) for side in (width, height)]
        area, least, most = sides[0] * sides[1], LEAST * step**2, self.places * step**2
        if area > most:
            shrink = math.sqrt(width * height / most)
            sides = [max(step, math.floor(side / shrink / step) * step) for side in (width, height)]
        elif area < least:
            grow = math.sqrt(least / (width * height))
            sides = [math.ceil(side * grow / step) * step for side in (width, height)]
        return min(sides[0], self.places * step), min(sides[1], self.places * step)

    def resized(self, picture: Picture) -> NDArray[np.uint8]:
        """Load a picture and resize it: (H, W, 3). Raises TwinlensError for one that cannot be read."""
        side = 2 * self.step * math.isqrt(self.places)
        image = images.load(picture, near=(side, side))
        return np.asarray(image.resize(self.size(*image.size), Image.Resampling.BICUBIC))

    def patches(self, pixels: Tensor) -> Tensor:
        """Cut standardised pixels (3, H, W) into patches (H·W / patch², 3 · frames · patch²), place by place."""
        _, height, width = pixels.shape
        rows, columns = height // self.step, width // self.step
        cut = pixels.reshape(3, rows, self.merge, self.patch, columns, self.merge, self.patch)
        ordered = cut.permute(1, 4, 2, 5, 0, 3, 6).unsqueeze(5).expand(-1, -1, -1, -1, -1, self.frames, -1, -1)
        return ordered.reshape(-1, 3 * self.frames * self.patch**2)

    def grid(self, height: int, width: int) -> list[int]:
        """Return the frames, rows and columns of a picture's patches."""
        return [1, height // self.patch, width // self.patch]


def flat(pixels: NDArray[np.uint8] | None, length: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return pixels (length, 3) padded with zeros, and their height and width (2,); zeros without a picture."""
    padded = np.zeros((length, 3), dtype=np.uint8)
    if pixels is None:
        return padded, np.zeros(2, dtype=np.int64)
    padded[: pixels.shape[0] * pixels.shape[1]] = pixels.reshape(-1, 3)
    return padded, np.array(pixels.shape[:2], dtype=np.int64)


def unflat(padded: Tensor, height: int, width: int) -> Tensor:
    """Return the pixels (3, height, width) of padded ones (length, 3)."""
    return torch.movedim(padded[: height * width].reshape(height, width, 3), -1, 0)
