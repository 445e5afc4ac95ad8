"""A map of patches, embedded by a small convolutional stem."""

from __future__ import annotations

import torch
from torch import nn

from twinlens.core.types import Batch, Encoded, Features
from twinlens.encoders import Encoder
from twinlens.preparation.rectangle import Rectangle


class Patches(Encoder):
    """Patches of a picture as tokens on an H×W map, for transformers trained from scratch.

    Two convolutions per patch instead of one linear map: early convolutions make small transformers train faster (Xiao
    et al. 2021, "Early convolutions help transformers see better"). The picture is resized to `height` × `width`
    pixels; each patch is `patch` pixels square; a learned position is added to every cell.
    """

    reads = frozenset({"image"})

    def __init__(self, *, dim: int = 128, height: int = 100, width: int = 400, patch: int = 20, stem: int = 5) -> None:
        super().__init__()
        if height % patch or width % patch or patch % stem:
            raise ValueError(f"patches of {patch} pixels do not tile {height}×{width}, or the stem's {stem} a patch")
        self.dim, self.height, self.width = dim, height, width
        self.grid = (height // patch, width // patch)
        self.stem = nn.Sequential(
            nn.Conv2d(3, dim // 2, stem, stride=stem),
            nn.BatchNorm2d(dim // 2),
            nn.GELU(),
            nn.Conv2d(dim // 2, dim, patch // stem, stride=patch // stem),
        )
        self.position = nn.Parameter(0.02 * torch.randn(self.grid[0] * self.grid[1], dim))
        self.absent = nn.Parameter(torch.zeros(dim))

    def preparations(self) -> tuple[Rectangle]:
        """Return the preparation of pixels (height, width, 3) uint8 and image_present ()."""
        return (Rectangle(self.width, self.height),)

    def forward(self, batch: Batch) -> Encoded:
        """Encode tokens (B, H·W, D) on their map; the vector is their mean."""
        x = batch["pixels"].permute(0, 3, 1, 2).to(self.position.dtype).mul_(1 / 255)  # (B, 3, height, width), 0 to 1
        tokens = self.stem(x).flatten(2).transpose(1, 2)
        tokens = torch.where(batch["image_present"][:, None, None], tokens, self.absent) + self.position
        return Encoded(image=Features(tokens.mean(1), tokens, grid=self.grid))
