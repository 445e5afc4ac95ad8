"""SIFT on a regular grid of upright keypoints, as a few matrix products per picture."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.uint8]
"""One channel of a picture, (height, width)."""

BINS, ORIENTATIONS = 4, 8
WIDTH = BINS * BINS * ORIENTATIONS
"""Length of a descriptor: 4 rows × 4 columns of spatial bins × 8 orientations."""

# The constants of Lowe 2004 as OpenCV uses them, in its single precision.
_SIGMA, _CAMERA_SIGMA = np.float32(1.6), np.float32(0.5)
_BIN_PIXELS = np.float32(3)  # width of a spatial bin, in units of the keypoint's scale
_CEILING, _LENGTH = np.float32(0.2), np.float32(512)

_BAND_POINTS = 8  # keypoints whose weights form one matrix: more would multiply more zeros, fewer start more products


@dataclass(frozen=True)
class Band:
    """Weights (4·P, L) of the L `pixels` along an axis in the `bins` of P neighbouring keypoints; all others are 0."""

    bins: slice
    pixels: slice
    weights: NDArray[np.float32]


@dataclass(frozen=True)
class Grid:
    """Keypoints on every `step`-th pixel, and the weights of pixels in their descriptors, by row and by column.

    A descriptor's bin adds up gradients with the weight of a Gaussian times a triangle, in rows and in columns alike:
    for upright keypoints of one size a factor of the row times a factor of the column. So all bins of all keypoints
    are rows (4·R, height) · gradients · columns (width, 4·C), for each orientation.
    """

    size: float
    y: NDArray[np.intp]
    x: NDArray[np.intp]
    rows: tuple[Band, ...]
    columns: tuple[Band, ...]
    places: NDArray[np.intp]
    """(height, width): the flat index of a pixel's gradient of orientation 0 in an array (height, 8, width)."""

    @property
    def points(self) -> NDArray[np.float32]:
        """Return x and y of the keypoints in pixels (K, 2), row by row."""
        return np.stack([np.tile(self.x, len(self.y)), np.repeat(self.y, len(self.x))], axis=1).astype(np.float32)

    @property
    def rounding(self) -> float:
        """Bound the relative rounding error of a sum: five times the largest measured, which grows with the size."""
        return 1e-6 + 5e-7 * self.size


@lru_cache(maxsize=16)
def grid(height: int, width: int, step: int, size: float) -> Grid:
    """Build the grid for pictures of a size; `step`, and `size`, OpenCV's diameter of a keypoint, are in pixels."""
    y, x = _centred(height, step), _centred(width, step)
    places = np.arange(height)[:, None] * ORIENTATIONS * width + np.arange(width)
    return Grid(size, y, x, _bands(_weights(y, height, size)), _bands(_weights(x, width, size)), places)


def describe(plane: Plane, at: Grid) -> NDArray[np.uint8]:
    """Compute the descriptors (K, 128) of a grid: those of `cv2.SIFT.compute` for keypoints of octave 0 and angle 0.

    Sums run in another order than OpenCV's; the few keypoints with a number so close to a rounding step that the order
    may matter are left to OpenCV.
    """
    height, width = plane.shape
    gradients = _gradients(plane, at.places).reshape(height, ORIENTATIONS * width)
    rows = np.empty((len(at.y) * BINS, ORIENTATIONS * width), dtype=np.float32)
    for band in at.rows:
        np.matmul(band.weights, gradients[band.pixels], out=rows[band.bins])
    rows = rows.reshape(-1, width)  # (R·4·8, width)
    bins = np.empty((len(rows), len(at.x) * BINS), dtype=np.float32)
    for band in at.columns:
        np.matmul(rows[:, band.pixels], band.weights.T, out=bins[:, band.bins])
    bins = bins.reshape(len(at.y), BINS, ORIENTATIONS, len(at.x), BINS).transpose(0, 3, 1, 4, 2)
    exact = _normalised(np.asarray(bins.reshape(-1, WIDTH), dtype=np.float32))
    descriptors = np.minimum(np.rint(exact), 255).astype(np.uint8)
    doubtful = np.flatnonzero((np.abs(exact - np.floor(exact) - 0.5) <= at.rounding * exact).any(axis=1))
    if len(doubtful):
        keypoints = [cv2.KeyPoint(float(x), float(y), at.size, 0.0) for x, y in at.points[doubtful]]
        descriptors[doubtful] = opencv_sift().compute(plane, keypoints)[1]
    return descriptors


@cache
def opencv_sift() -> Any:
    """Create OpenCV's SIFT, once per process: it cannot be pickled."""
    return cv2.SIFT_create()


def _centred(length: int, step: int) -> NDArray[np.intp]:
    return np.arange((length - 1) % step // 2, length, step)


def _weights(points: NDArray[np.intp], length: int, size: float) -> NDArray[np.float32]:
    """Compute the weights (4·P, length) of the pixels along one axis in the four bins of each of P points."""
    pixels = np.arange(length)
    offsets = (pixels - points[:, None]).astype(np.float32) * (1 / (_BIN_PIXELS * np.float32(size / 2)))
    bins = offsets + np.float32(BINS // 2) - np.float32(0.5)
    # A pixel on the border has no gradient, and the Gaussian's σ is half the descriptor's width.
    inside = (bins > -1) & (bins < BINS) & (pixels > 0) & (pixels < length - 1)
    gaussian = np.exp(offsets * offsets / np.float32(-(BINS**2) / 2)) * inside
    triangles = np.maximum(0, 1 - np.abs(bins[:, None] - np.arange(BINS, dtype=np.float32)[:, None]))
    weights: NDArray[np.float32] = (triangles * gaussian[:, None]).reshape(-1, length).astype(np.float32)
    return weights


def _bands(weights: NDArray[np.float32]) -> tuple[Band, ...]:
    """Cut weights (4·P, length) into bands of neighbouring keypoints, each without the pixels of weight 0."""
    bands = []
    for start in range(0, len(weights), BINS * _BAND_POINTS):
        part = weights[start : start + BINS * _BAND_POINTS]
        used = np.flatnonzero(part.any(axis=0))
        pixels = slice(int(used[0]), int(used[-1]) + 1) if len(used) else slice(0, 0)
        bands.append(Band(slice(start, start + len(part)), pixels, np.ascontiguousarray(part[:, pixels])))
    return tuple(bands)


def _gradients(plane: Plane, places: NDArray[np.intp]) -> NDArray[np.float32]:
    """Compute gradient magnitudes, split between the two orientations next to their angle: (height, 8, width), flat."""
    height, width = plane.shape
    blur = float(np.sqrt(_SIGMA * _SIGMA - _CAMERA_SIGMA * _CAMERA_SIGMA))
    smooth = cv2.GaussianBlur(plane.astype(np.float32), (0, 0), blur)
    dx, dy = np.zeros_like(smooth), np.zeros_like(smooth)
    dx[:, 1:-1] = smooth[:, 2:] - smooth[:, :-2]
    dy[1:-1] = smooth[:-2] - smooth[2:]
    magnitude, angle = cv2.cartToPolar(dx, dy, angleInDegrees=True)
    angle *= np.float32(ORIENTATIONS / 360)
    below = angle.astype(np.intp)
    upper = magnitude * (angle - below.astype(np.float32))
    out = np.zeros(height * ORIENTATIONS * width, dtype=np.float32)
    out[places + below % ORIENTATIONS * width] = magnitude - upper
    out[places + (below + 1) % ORIENTATIONS * width] = upper
    return out


def _normalised(bins: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scale descriptors to unit length, cap numbers at .2, rescale, times 512 (Lowe 2004, section 6.1)."""
    ceiling = _CEILING * np.sqrt(np.einsum("kd,kd->k", bins, bins))
    capped: NDArray[np.float32] = np.minimum(bins, ceiling[:, None])
    length = np.sqrt(np.einsum("kd,kd->k", capped, capped))
    capped *= (_LENGTH / np.maximum(length, np.finfo(np.float32).eps))[:, None]
    return capped
