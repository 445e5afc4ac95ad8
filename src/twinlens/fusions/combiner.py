"""The Combiner of CLIP4Cir: a learned weighted mean of both sides plus a learned correction."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from twinlens.core.types import Features
from twinlens.fusions import Fusion
from twinlens.fusions._layers import projection


class Combiner(Fusion):
    """Baldrati et al. 2022, "Effective conditioned and composed image retrieval combining CLIP-based features".

    out = W·h + λ·t + (1 − λ)·x with z = [ReLU(P_t t); ReLU(P_x x)], h = ReLU(Lin z), λ = σ(Lin(ReLU(Lin z))); dropout
    after every ReLU. For 640 channels the authors' widths are 2560 for P and 5120 for h: 4 and 8 times `dim`.

    Differs from the authors' code: sides that are not `dim` wide are first projected to it, and a gallery picture
    passes through the same layers with its text missing, where theirs is the bare CLIP vector.
    """

    def __init__(
        self,
        *,
        image_dim: int,
        text_dim: int,
        dim: int,
        projection_ratio: int = 4,
        hidden_ratio: int = 8,
        dropout: float = 0.5,
    ) -> None:
        super().__init__(image_dim=image_dim, text_dim=text_dim, dim=dim)
        width, hidden = projection_ratio * dim, hidden_ratio * dim
        self.image_map, self.text_map = projection(image_dim, dim), projection(text_dim, dim)
        self.image_projection, self.text_projection = (
            nn.Sequential(nn.Linear(dim, width), nn.ReLU(), nn.Dropout(dropout)) for _ in range(2)
        )
        self.correction, self.share = (
            nn.Sequential(nn.Linear(2 * width, hidden), nn.ReLU(), nn.Dropout(dropout), nn.Linear(hidden, out))
            for out in (dim, 1)
        )

    def compose(self, image: Features, text: Features) -> Tensor:
        """Compose both sides: (B, dim)."""
        x, t = self.image_map(image.vector), self.text_map(text.vector)
        z = torch.cat([self.text_projection(t), self.image_projection(x)], dim=-1)
        share = torch.sigmoid(self.share(z))  # (B, 1)
        composed: Tensor = self.correction(z) + share * t + (1 - share) * x
        return composed
