"""A fusion: a weighted sum of picture and text, with a learned weight for each channel."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from twinlens.core.types import Features
from twinlens.fusions import Fusion


class Weighted(Fusion):
    """out = σ(w) ⊙ P x + (1 − σ(w)) ⊙ Q t, with linear maps P and Q; w starts at `start` in every channel."""

    def __init__(self, *, image_dim: int, text_dim: int, dim: int, start: float = 0.0) -> None:
        super().__init__(image_dim=image_dim, text_dim=text_dim, dim=dim)
        self.image_map, self.text_map = nn.Linear(image_dim, dim), nn.Linear(text_dim, dim)
        self.weight = nn.Parameter(torch.full((dim,), start))

    def compose(self, image: Features, text: Features) -> Tensor:
        """Compose both sides: (B, dim). The base class scales the vectors to unit length."""
        share = torch.sigmoid(self.weight)
        composed: Tensor = share * self.image_map(image.vector) + (1 - share) * self.text_map(text.vector)
        return composed
