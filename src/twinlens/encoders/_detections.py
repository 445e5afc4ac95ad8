"""What a detector finds, and a memory of it: training shows a frozen detector the same pictures every epoch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Self, TypeAlias

import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from twinlens.media.content import ArrayCache

_PARTS = ("boxes", "scores", "features")
LIMIT = 256 * 2**20
"""Bytes that a memory holds at most: some 20,000 pictures of a dozen regions."""


@dataclass(frozen=True)
class Detections:
    """What a detector finds in B pictures.

    boxes (B, N, 4) are x0, y0, x1, y1 in pixels of the canvas, scores (B, N) are 0 where there is none, and features
    (B, 1 + N, F) describe the whole picture first.
    """

    boxes: Tensor
    scores: Tensor
    features: Tensor

    @classmethod
    def stack(cls, boxes: Sequence[Tensor], scores: Sequence[Tensor], features: Sequence[Tensor]) -> Self:
        """From one (n, 4), (n,) and (1 + n, F) per picture, padded with zeros to the longest."""
        return cls(*(pad_sequence(list(rows), batch_first=True) for rows in (boxes, scores, features)))

    def row(self, n: int) -> tuple[Tensor, Tensor, Tensor]:
        """What was found in the n-th picture, without padding."""
        there = self.scores[n] > 0
        features = self.features[n]
        return self.boxes[n][there], self.scores[n][there], features[[True, *there.tolist()]]


Row: TypeAlias = tuple[Tensor, Tensor, Tensor]
"""Boxes, scores and features of one picture."""


class DetectionCache:
    """What a detector found, by the digest of the pixels; it forgets nothing and stops learning at LIMIT bytes.

    What it finds it also writes into `array_cache`, if there are any, and looks there first.
    """

    def __init__(self, array_cache: ArrayCache | None = None) -> None:
        self.rows: dict[bytes, Row] = {}
        self.room, self.array_cache = LIMIT, array_cache

    def __deepcopy__(self, _: object) -> Self:
        """A copied detector sees with the same weights."""
        return self

    def __reduce__(self) -> tuple[type[Self], tuple[ArrayCache | None]]:
        """Processes that it is sent to start without memories, but know the notes."""
        return type(self), (self.array_cache,)

    def find(self, pixels: Tensor, extent: Tensor, look: Callable[[Tensor, Tensor], Detections]) -> Detections:
        """What `look` finds in pixels (B, …) of extent (B, 2), asking it about new pictures only."""
        keys = [_digest(*pair) for pair in zip(pixels, extent, strict=True)]
        rows = {key: self.rows[key] for key in keys if key in self.rows}
        fresh = self._noted({key for key in keys if key not in rows})
        new = {key: n for n, key in enumerate(keys) if key not in rows and key not in fresh}
        if new:
            at = list(new.values())
            found = look(pixels[at], extent[at])
            fresh |= self._note({key: found.row(n) for n, key in enumerate(new)})
        self._keep(fresh)
        boxes, scores, features = zip(*((rows | fresh)[key] for key in keys), strict=True)
        return Detections.stack(boxes, scores, features)

    def _noted(self, keys: Iterable[bytes]) -> dict[bytes, Row]:
        if self.array_cache is None:
            return {}
        known = ((key, self.array_cache.read(key)) for key in keys)
        return {key: _row(arrays) for key, arrays in known if arrays is not None}

    def _note(self, found: dict[bytes, Row]) -> dict[bytes, Row]:
        if self.array_cache is not None:
            for key, row in found.items():
                self.array_cache.write(key, {name: part.numpy() for name, part in zip(_PARTS, row, strict=True)})
        return found

    def _keep(self, fresh: dict[bytes, Row]) -> None:
        for key, row in fresh.items():
            size = sum(part.numel() * part.element_size() for part in row)
            if size <= self.room:
                self.rows[key] = (row[0].clone(), row[1].clone(), row[2].clone())
                self.room -= size


def _row(arrays: Mapping[str, NDArray[Any]]) -> Row:
    boxes, scores, features = (torch.from_numpy(arrays[name]) for name in _PARTS)
    return boxes, scores, features


def _digest(pixels: Tensor, extent: Tensor) -> bytes:
    """One picture on its canvas."""
    digest = blake2b(pixels.contiguous().numpy().data, digest_size=16)
    digest.update(extent.contiguous().numpy().data)
    return digest.digest()
