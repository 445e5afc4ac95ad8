"""A detector's regions, and a cache of them: a frozen detector meets the same pictures in every epoch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Self, TypeAlias

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from twinlens.core.cache import ArrayCache

_PARTS = ("boxes", "scores", "features")
LIMIT = 256 * 2**20
"""Most bytes that a cache holds in memory: some 20,000 pictures of a dozen regions."""


@dataclass(frozen=True)
class Detections:
    """Regions detected in B pictures.

    boxes (B, N, 4) are x0, y0, x1, y1 in pixels of the canvas, scores (B, N) are 0 where there is no region, and
    features (B, 1 + N, F) begin with those of the whole picture.
    """

    boxes: Tensor
    scores: Tensor
    features: Tensor

    @classmethod
    def stack(cls, boxes: Sequence[Tensor], scores: Sequence[Tensor], features: Sequence[Tensor]) -> Self:
        """Stack one (n, 4), (n,) and (1 + n, F) per picture, padded with zeros to the longest."""
        return cls(*(pad_sequence(list(rows), batch_first=True) for rows in (boxes, scores, features)))

    def row(self, n: int) -> tuple[Tensor, Tensor, Tensor]:
        """Return the regions of the n-th picture, without padding."""
        used = self.scores[n] > 0
        return self.boxes[n][used], self.scores[n][used], self.features[n][[True, *used.tolist()]]


Row: TypeAlias = tuple[Tensor, Tensor, Tensor]
"""Boxes, scores and features of one picture."""


class DetectionCache:
    """Detections by the digest of their pixels: in memory up to LIMIT bytes, and in files of `array_cache`, if any.

    Nothing is evicted: once memory is full, new pictures are not added to it.
    """

    def __init__(self, array_cache: ArrayCache | None = None) -> None:
        self.rows: dict[bytes, Row] = {}
        self.room, self.array_cache = LIMIT, array_cache

    def __deepcopy__(self, _: object) -> Self:
        """Share the cache with the copy, whose detector has the same weights."""
        return self

    def __reduce__(self) -> tuple[type[Self], tuple[ArrayCache | None]]:
        """Leave detections in memory behind when sent to another process; its files go along."""
        return type(self), (self.array_cache,)

    def get(self, pixels: Tensor, extent: Tensor, detect: Callable[[Tensor, Tensor], Detections]) -> Detections:
        """Return the detections in pixels (B, …) of extent (B, 2), calling `detect` for new pictures only."""
        keys = [_digest(*pair) for pair in zip(pixels, extent, strict=True)]
        rows = {key: self.rows[key] for key in keys if key in self.rows}
        read = self._read({key for key in keys if key not in rows})
        new = {key: n for n, key in enumerate(keys) if key not in rows and key not in read}
        if new:
            at = list(new.values())
            detections = detect(pixels[at], extent[at])
            detected = {key: detections.row(n) for n, key in enumerate(new)}
            self._write(detected)
            read |= detected
        self._keep(read)
        boxes, scores, features = zip(*((rows | read)[key] for key in keys), strict=True)
        return Detections.stack(boxes, scores, features)

    def _read(self, keys: Iterable[bytes]) -> dict[bytes, Row]:
        if self.array_cache is None:
            return {}
        rows: dict[bytes, Row] = {}
        for key in keys:
            arrays = self.array_cache.read(key)
            if arrays is not None:
                boxes, scores, features = (torch.from_numpy(arrays[name]) for name in _PARTS)
                rows[key] = boxes, scores, features
        return rows

    def _write(self, rows: Mapping[bytes, Row]) -> None:
        if self.array_cache is not None:
            for key, row in rows.items():
                self.array_cache.write(key, {name: part.numpy() for name, part in zip(_PARTS, row, strict=True)})

    def _keep(self, rows: Mapping[bytes, Row]) -> None:
        """Keep rows in memory as long as there is room."""
        for key, row in rows.items():
            size = sum(part.numel() * part.element_size() for part in row)
            if size <= self.room:
                self.rows[key] = (row[0].clone(), row[1].clone(), row[2].clone())
                self.room -= size


def _digest(pixels: Tensor, extent: Tensor) -> bytes:
    """Hash one picture and its extent on the canvas."""
    digest = blake2b(pixels.contiguous().numpy().data, digest_size=16)
    digest.update(extent.contiguous().numpy().data)
    return digest.digest()
