"""A row of panels, each seen by the same small convolutional network, laid upon each other as one map."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from twinlens import images
from twinlens.encoders import Encoder, _trained
from twinlens.types import Arrays, Batch, Encoded, Features, Sample

PIXELS = 100
"""Width and height at which a panel is seen; the convolutions make 16×16, 8×8 and 3×3 places of it."""
GRID = (3, 3)


class Panels(Encoder):
    """For pictures that are a row of `count` like panels, as NLVR's three boxes: a map of 3×3 cells, `dim` channels.

    A panel begins every `pitch` pixels and is 100 pixels wide and high, in a picture resized to 100 pixels of height
    (and `width` pixels of width). Each passes through the same network; a cell of the map holds what the panels show
    at that place, `dim` / `count` channels of each, side by side. The vector is the mean of the cells. `start`: a
    trained model, by folder or shipped name, to begin with.
    """

    reads = frozenset({"image"})

    def __init__(
        self,
        *,
        dim: int = 96,
        count: int = 3,
        pitch: int = 150,
        width: int = 400,
        channels: int = 48,
        start: str | None = None,
    ) -> None:
        super().__init__()
        if dim % count or pitch * (count - 1) + PIXELS > width:
            raise ValueError(f"{count} panels do not divide {dim} channels, or do not fit into {width} pixels")
        self.dim, self.count, self.pitch, self.width = dim, count, pitch, width
        self.network = nn.Sequential(
            nn.Conv2d(3, channels // 2, 10, stride=6),
            *_norm(channels // 2),
            nn.Conv2d(channels // 2, channels, 4, stride=2, padding=1),
            *_norm(channels),
            nn.Conv2d(channels, channels, 3, padding=1),
            *_norm(channels),
            nn.Conv2d(channels, 2 * channels, 4, stride=2),
            *_norm(2 * channels),
            nn.Conv2d(2 * channels, 2 * channels, 3, padding=1),
            *_norm(2 * channels),
            nn.Conv2d(2 * channels, dim // count, 1),
        )
        self.absent = nn.Parameter(torch.zeros(dim))
        self.start = start
        _trained.start(self, "panels", start)

    def prepare(self, sample: Sample) -> Arrays:
        """panels (count, 100, 100, 3) uint8 and image_present ()."""
        panels = np.zeros((self.count, PIXELS, PIXELS, 3), dtype=np.uint8)
        if sample.image is not None:
            picture = images.load(sample.image)
            size = (self.width, PIXELS)
            pixels = np.asarray(picture if picture.size == size else picture.resize(size))
            for place in range(self.count):
                panels[place] = pixels[:, place * self.pitch : place * self.pitch + PIXELS]
        return {"panels": panels, "image_present": np.asarray(sample.image is not None)}

    def forward(self, batch: Batch) -> Encoded:
        """Tokens (B, 9, D) on their 3×3 map; the vector is their mean."""
        tokens = self._tokens(batch["panels"])
        tokens = torch.where(batch["image_present"][:, None, None], tokens, self.absent)
        return Encoded(image=Features(tokens.mean(1), tokens, grid=GRID))

    def save_assets(self, folder: Path) -> None:
        """That a saved model needs no other to start from."""
        _trained.keep(self.start, folder)

    def _tokens(self, panels: Tensor) -> Tensor:
        x = panels.flatten(0, 1).permute(0, 3, 1, 2).to(self.absent.dtype).mul_(1 / 255)  # (B · count, 3, 100, 100)
        maps: Tensor = self.network(x).unflatten(0, panels.shape[:2])  # (B, count, D / count, 3, 3)
        return maps.flatten(1, 2).flatten(2).transpose(1, 2)


def _norm(channels: int) -> tuple[nn.Module, ...]:
    return nn.BatchNorm2d(channels), nn.GELU()
