"""Local descriptors: SIFT at detected keypoints or on a dense grid, of grey or of opponent colours."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from twinlens.core.cache import ArrayCache
from twinlens.core.types import Picture, TwinlensError
from twinlens.encoders import _dense_sift
from twinlens.encoders._dense_sift import Plane, opencv_sift
from twinlens.media import content, images

Descriptors = NDArray[np.float32]
"""(K, 128) or (K, 384), one row per keypoint."""
_DOUBLED_OCTAVE = 255
"""The lowest byte of a keypoint's octave −1: found in the picture in double size."""


@dataclass(frozen=True)
class Keypoints:
    """The K keypoints of one picture with their descriptors.

    points (K, 2): x and y in 0..1 of its width and height. rounded (K, D): the descriptors as OpenCV rounds them, 0 to
    255. root: return `descriptors` as RootSIFT. key: the hash of the picture's content, if it was computed.
    """

    points: NDArray[np.float32]
    rounded: NDArray[np.uint8]
    root: bool = False
    key: bytes | None = None

    @cached_property
    def descriptors(self) -> Descriptors:
        """The descriptors (K, D); with `root` those of RootSIFT."""
        descriptors = self.rounded.astype(np.float32)
        return _rooted(descriptors) if self.root else descriptors


@dataclass(frozen=True)
class LocalSift:
    """The extraction of SIFT keypoints and descriptors from pictures.

    keypoints: "detected" (Lowe 2004) or "dense", upright ones of diameter `size` on every `step`-th pixel. colour:
    "grey", or "opponent", which describes intensity, red–green and yellow–blue at the same keypoints (van de Sande et
    al. 2010): SIFT of grey alone is blind to colour. root: RootSIFT, the square root of the L1-normalised descriptor
    (Arandjelović & Zisserman 2012). side: larger pictures are reduced to this many pixels on their longer side.
    """

    keypoints: Literal["dense", "detected"] = "dense"
    colour: Literal["grey", "opponent"] = "grey"
    root: bool = False
    step: int = 8
    size: float = 8.0
    side: int = 512

    def __post_init__(self) -> None:
        if self.keypoints not in ("dense", "detected"):
            raise TwinlensError(f"keypoints must be 'dense' or 'detected', not {self.keypoints!r}")
        if self.colour not in ("grey", "opponent"):
            raise TwinlensError(f"colour must be 'grey' or 'opponent', not {self.colour!r}")
        if self.step < 1 or self.size <= 0 or self.side < 1:
            raise TwinlensError("step, size and side are pixels and must be above 0")

    @property
    def width(self) -> int:
        """The length D of a descriptor."""
        return _dense_sift.WIDTH * (3 if self.colour == "opponent" else 1)

    def load(self, picture: Picture) -> Image.Image:
        """Load the picture in RGB, reduced to `side`. Raises images.BadPicture."""
        image = images.load(picture, near=(self.side, self.side))
        longer = max(image.size)
        if longer <= self.side:
            return image
        width, height = (max(1, round(length * self.side / longer)) for length in image.size)
        return image.resize((width, height), Image.Resampling.BILINEAR, reducing_gap=2.0)

    def describe(self, picture: Picture, array_cache: ArrayCache | None = None) -> Keypoints:
        """Compute the picture's keypoints, of which there may be none. Raises images.BadPicture.

        array_cache: where they are read and written by content, made by `cache_in` with the same options.
        """
        if array_cache is None:
            return self._compute(picture)
        key = content.key(picture)
        arrays = array_cache.read(key)
        if arrays is None:
            computed = self._compute(picture)
            arrays = {"points": computed.points, "rounded": computed.rounded}
            array_cache.write(key, arrays)
        return Keypoints(arrays["points"], arrays["rounded"], self.root, key)

    def cache_in(self, folder: Path) -> ArrayCache:
        """Return the cache of these options in a folder; RootSIFT shares that of SIFT, from which it is derived."""
        return ArrayCache(folder, repr(replace(self, root=False)))

    def _compute(self, picture: Picture) -> Keypoints:
        _keep_freed_memory()
        planes = _planes(np.asarray(self.load(picture)), self.colour)
        points, parts = self._dense(planes) if self.keypoints == "dense" else _detected(planes)
        height, width = planes[0].shape
        # The centre of pixel n lies at n + ½.
        shares = (points + np.float32(0.5)) / np.array([width, height], dtype=np.float32)
        rounded = np.concatenate([part.astype(np.uint8, copy=False) for part in parts], axis=1)
        return Keypoints(shares.astype(np.float32), rounded, self.root)

    def _dense(self, planes: list[Plane]) -> tuple[NDArray[np.float32], list[NDArray[Any]]]:
        grid = _dense_sift.grid(*planes[0].shape, self.step, self.size)
        return grid.points, [_dense_sift.describe(plane, grid) for plane in planes]


def _planes(pixels: NDArray[np.uint8], colour: str) -> list[Plane]:
    """Split RGB pixels (H, W, 3) into channels (H, W): grey; or intensity, (R − G)/2 and (R + G − 2B)/4, around 128."""
    if colour == "grey":
        return [cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)]
    red, green, blue = (pixels[..., n].astype(np.int16) for n in range(3))
    values = ((red + green + blue) // 3, (red - green + 256) // 2, (red + green - 2 * blue + 512) // 4)
    return [value.clip(0, 255).astype(np.uint8) for value in values]


def _detected(planes: list[Plane]) -> tuple[NDArray[np.float32], list[NDArray[Any]]]:
    """Detect keypoints in the first plane; describe them in all planes, as `cv2.SIFT.compute` does."""
    keypoints, descriptors = opencv_sift().detectAndCompute(planes[0], None)
    if not keypoints:
        return np.zeros((0, 2), dtype=np.float32), [np.zeros((0, _dense_sift.WIDTH), np.float32)] * len(planes)
    # detectAndCompute describes in the doubled picture; `compute` does so only if some keypoint was found there.
    doubled = any(keypoint.octave & 255 == _DOUBLED_OCTAVE for keypoint in keypoints)
    first = descriptors if doubled else opencv_sift().compute(planes[0], keypoints)[1]
    others = [opencv_sift().compute(plane, keypoints)[1] for plane in planes[1:]]
    return cv2.KeyPoint.convert(keypoints), [first, *others]


@cache
def _keep_freed_memory() -> None:
    """Make the allocator reuse freed blocks of up to 32 MiB, by freeing one such block.

    SIFT allocates and frees some 10 MB of pyramid per picture. The GNU allocator maps such blocks from the system and
    returns them each time, and clearing those pages takes longer than the SIFT itself; once a large block has been
    freed, it keeps blocks up to that size. Other allocators are not affected.
    """
    np.empty(31 * 2**20, dtype=np.uint8)


def _rooted(descriptors: Descriptors) -> Descriptors:
    sums = descriptors.sum(axis=1, keepdims=True)
    rooted: Descriptors = np.sqrt(descriptors / np.maximum(sums, 1))
    return rooted
