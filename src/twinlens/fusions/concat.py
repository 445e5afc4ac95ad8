"""Concatenation and a two-layer network, the baseline of TIRG's paper."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from twinlens.core.types import Features
from twinlens.fusions import Fusion


class Concat(Fusion):
    """MLP([x; t]) = Lin(Drop(ReLU(BN(Lin(ReLU(BN [x; t])))))), after Vo et al. 2019, "Composing text and image"."""

    def __init__(self, *, image_dim: int, text_dim: int, dim: int, dropout: float = 0.1) -> None:
        super().__init__(image_dim=image_dim, text_dim=text_dim, dim=dim)
        both = image_dim + text_dim
        self.layers = nn.Sequential(
            nn.BatchNorm1d(both),
            nn.ReLU(),
            nn.Linear(both, 2 * dim),
            nn.BatchNorm1d(2 * dim),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(2 * dim, dim),
        )

    def compose(self, image: Features, text: Features) -> Tensor:
        """Compose both sides: (B, dim)."""
        composed: Tensor = self.layers(torch.cat([image.vector, text.vector], dim=-1))
        return composed
