"""TIRG: the picture, gated by both sides, plus a residual of both sides."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from twinlens.core.types import Features
from twinlens.fusions import Fusion
from twinlens.fusions._layers import projection


class Tirg(Fusion):
    """Vo et al. 2019, "Composing text and image for image retrieval: an empirical odyssey", equation 1.

    out = a₀ · σ(g) ⊙ x + a₁ · r with z = [x; t], g = Lin(ReLU(BN z)), r = Lin(ReLU(Lin(ReLU(BN z)))), a = (1, 10)
    learned.

    Differs from the authors' code: sides that are not `dim` wide are first projected to it, and a gallery picture
    passes through the same layers with its text missing, where theirs skips them.
    """

    def __init__(self, *, image_dim: int, text_dim: int, dim: int) -> None:
        super().__init__(image_dim=image_dim, text_dim=text_dim, dim=dim)
        self.image_map, self.text_map = projection(image_dim, dim), projection(text_dim, dim)
        self.gate = nn.Sequential(nn.BatchNorm1d(2 * dim), nn.ReLU(), nn.Linear(2 * dim, dim))
        self.residual = nn.Sequential(
            nn.BatchNorm1d(2 * dim), nn.ReLU(), nn.Linear(2 * dim, 2 * dim), nn.ReLU(), nn.Linear(2 * dim, dim)
        )
        self.a = nn.Parameter(torch.tensor([1.0, 10.0]))

    def compose(self, image: Features, text: Features) -> Tensor:
        """Compose both sides: (B, dim)."""
        x, z = self._mapped(image, text)
        composed: Tensor = self.a[0] * torch.sigmoid(self.gate(z)) * x + self.a[1] * self.residual(z)
        return composed

    def gates(self, image: Features, text: Features) -> Tensor:
        """Return σ(g) as a map of one cell: (B, dim, 1, 1)."""
        return torch.sigmoid(self.gate(self._mapped(image, text)[1]))[:, :, None, None]

    def _mapped(self, image: Features, text: Features) -> tuple[Tensor, Tensor]:
        """Project both sides: x (B, dim) and z = [x; t] (B, 2 · dim)."""
        x = self.image_map(image.vector)
        return x, torch.cat([x, self.text_map(text.vector)], dim=-1)
