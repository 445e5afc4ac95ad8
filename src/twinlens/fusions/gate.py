"""The paper's fusion: TIRG's gating connection alone."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from twinlens.core.types import Features
from twinlens.fusions import Fusion, as_map
from twinlens.fusions._layers import append_text, cell_width, pool_cells


class Gate(Fusion):
    """Sarker & Milanova, "Deep Learning-Based Multimodal Image Retrieval", equations 1 and 2.

    φ_xt = ω_g ⊙ f_gate(φ_x, φ_t), and with W_g 3×3 convolutions followed by batch normalisation, φ_t repeated over H×W:
    f_gate = σ(W_g2 ∗ ReLU(W_g1 ∗ [φ_x; φ_t])) ⊙ φ_x (`reading="outside"`, as in TIRG), or
    f_gate = σ((W_g2 ∗ ReLU(W_g1 ∗ [φ_x; φ_t])) ⊙ φ_x) (`reading="inside"`, as printed).

    The gate only attenuates: it cannot add content that the picture lacks. `residual`, which the paper does not have,
    adds it: φ_xt = ω_g ⊙ (f_gate + W_g3 ∗ h) with h = ReLU(W_g1 ∗ [φ_x; φ_t]) and a 3×3 convolution W_g3 without batch
    normalisation, which is zero at the start, so that training begins at the plain gate.

    ω_g is one weight per channel: a single number cannot change a ranking of unit vectors. The paper does not say how
    the map becomes a vector: here it is averaged over `cells` (rows, columns) of the map, each cell is projected by the
    same weights to an equal part of `dim`, and the parts are concatenated, so that the vector keeps positions.
    """

    def __init__(
        self,
        *,
        image_dim: int,
        text_dim: int,
        dim: int,
        reading: Literal["outside", "inside"] = "outside",
        residual: bool = False,
        cells: tuple[int, int] = (1, 1),
    ) -> None:
        super().__init__(image_dim=image_dim, text_dim=text_dim, dim=dim)
        if reading not in ("outside", "inside"):
            raise ValueError(f"reading must be 'outside' or 'inside', not {reading!r}")
        self.reading, self.cells = reading, (cells[0], cells[1])
        self.gate = nn.Sequential(
            nn.Conv2d(image_dim + text_dim, image_dim, 3, padding=1, bias=False),
            nn.BatchNorm2d(image_dim),
            nn.ReLU(),
            nn.Conv2d(image_dim, image_dim, 3, padding=1, bias=False),
            nn.BatchNorm2d(image_dim),
        )
        self.weight = nn.Parameter(torch.ones(image_dim))  # ω_g
        self.project = nn.Linear(image_dim, cell_width(dim, self.cells))
        self.residual = nn.Conv2d(image_dim, image_dim, 3, padding=1, bias=False) if residual else None  # W_g3
        if self.residual is not None:
            nn.init.zeros_(self.residual.weight)

    def compose(self, image: Features, text: Features) -> Tensor:
        """Gate the picture's map (B, D, H, W) by the text, pool it and project it: (B, dim)."""
        x = as_map(image)
        hidden, gates = self._gated(x, text.vector)
        gated = gates * x if self.reading == "outside" else gates
        if self.residual is not None:
            gated = gated + self.residual(hidden)
        return pool_cells(self.weight[:, None, None] * gated, self.cells, self.project)

    def gates(self, image: Features, text: Features) -> Tensor:
        """Return σ(·) of the reading: (B, D, H, W)."""
        return self._gated(as_map(image), text.vector)[1]

    def _gated(self, x: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """Return h and σ(·) (B, D, H, W) of a map x (B, D, H, W) and a text t (B, T)."""
        hidden = self.gate[:3](append_text(x, t))
        gate = self.gate[3:](hidden)
        return hidden, torch.sigmoid(gate if self.reading == "outside" else gate * x)
