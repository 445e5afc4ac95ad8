"""What a detector finds, and a memory of it: training shows a frozen detector the same pictures every epoch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Self

from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

LIMIT = 256 * 2**20
"""Bytes that a memory holds at most: some 20,000 pictures of a dozen regions."""


@dataclass(frozen=True)
class Found:
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


class Memory:
    """What a detector found, by the digest of the pixels; it forgets nothing and stops learning at LIMIT bytes."""

    def __init__(self) -> None:
        self.rows: dict[bytes, tuple[Tensor, Tensor, Tensor]] = {}
        self.room = LIMIT

    def __deepcopy__(self, _: object) -> Self:
        """A copied detector sees with the same weights."""
        return self

    def __reduce__(self) -> tuple[type[Self], tuple[()]]:
        """Processes that it is sent to start without memories."""
        return type(self), ()

    def find(self, pixels: Tensor, extent: Tensor, look: Callable[[Tensor, Tensor], Found]) -> Found:
        """What `look` finds in pixels (B, …) of extent (B, 2), asking it about new pictures only."""
        keys = [_digest(*pair) for pair in zip(pixels, extent, strict=True)]
        new = {key: n for n, key in enumerate(keys) if key not in self.rows}
        fresh = {}
        if new:
            at = list(new.values())
            found = look(pixels[at], extent[at])
            fresh = {key: found.row(n) for n, key in enumerate(new)}
        rows = [self.rows[key] if key in self.rows else fresh[key] for key in keys]
        self._keep(fresh)
        boxes, scores, features = zip(*rows, strict=True)
        return Found.stack(boxes, scores, features)

    def _keep(self, fresh: dict[bytes, tuple[Tensor, Tensor, Tensor]]) -> None:
        for key, row in fresh.items():
            size = sum(part.numel() * part.element_size() for part in row)
            if size <= self.room:
                self.rows[key] = (row[0].clone(), row[1].clone(), row[2].clone())
                self.room -= size


def _digest(pixels: Tensor, extent: Tensor) -> bytes:
    """One picture on its canvas."""
    digest = blake2b(pixels.contiguous().numpy().data, digest_size=16)
    digest.update(extent.contiguous().numpy().data)
    return digest.digest()
