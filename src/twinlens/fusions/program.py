"""Program: an instruction executed on the items of the query's picture; other sentences as by `match`."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from twinlens.core.types import Features
from twinlens.fusions._directions import Directions


class Program(Directions):
    """q = the facts of the edited items where there is an instruction, and L2(t) + w L2(x) elsewhere, as in `match`.

    The encoder `facts` reads the instruction, applies it to the items of the picture, and gives their facts as the
    text's only token (B, 1, D), unmasked where that succeeded.
    """

    def direction(self, image: Features, text: Features) -> Tensor:
        """Return the directions of queries (B, image_dim)."""
        direction = super().direction(image, text)
        if text.tokens is None or text.mask is None:
            return direction
        return torch.where(text.mask[:, :1], F.normalize(text.tokens[:, 0], dim=-1), direction)
