"""An encoder: how much of a picture has which colour. Nothing in it is trained."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from twinlens.core.types import Batch, Encoded, Features
from twinlens.encoders import Encoder
from twinlens.preparation.rectangle import Rectangle


class Colours(Encoder):
    """Histograms of `bins`³ colours, of the left and of the right half of a picture of `size` × `size` pixels.

    The square roots of the shares of all colours are a vector of unit length, whose inner products are Bhattacharyya
    coefficients.
    """

    reads = frozenset({"image"})

    def __init__(self, *, bins: int = 4, size: int = 32) -> None:
        super().__init__()
        self.bins, self.size, self.dim = bins, size, 2 * bins**3

    def preparations(self) -> tuple[Rectangle]:
        """Return the preparation of pixels (size, size, 3) uint8 and image_present ()."""
        return (Rectangle(self.size, self.size),)

    def forward(self, batch: Batch) -> Encoded:
        """Count the colours: (B, dim)."""
        red, green, blue = (batch["pixels"].long() * self.bins // 256).unbind(-1)  # (B, size, size) each
        colours = (red * self.bins + green) * self.bins + blue
        halves = torch.stack(colours.chunk(2, dim=2), dim=1).flatten(2)  # (B, 2, pixels of a half)
        shares = F.one_hot(halves, self.bins**3).float().mean(2) / 2
        return Encoded(image=Features(shares.flatten(1).sqrt(), present=batch["image_present"]))
