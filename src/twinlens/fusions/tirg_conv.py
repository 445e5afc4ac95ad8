"""TIRG on the last feature map: gate and residual are 3×3 convolutions instead of linear layers."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from twinlens.core.types import Features
from twinlens.fusions import Fusion, as_map
from twinlens.fusions._layers import append_text, cell_width, pool_cells


class TirgConv(Fusion):
    """Vo et al. 2019, "Composing text and image for image retrieval", the last-convolution variant of section 3.

    out = Lin(pool(a₀ · σ(g) ⊙ x + a₁ · r)) with z = [x; t] on the map, t repeated over its cells; g and r are each
    BN → Conv3×3 → ReLU → Conv3×3 with weights of their own, a = (1, 10) learned, pool the mean over cells. With `cells`
    (rows, columns) pool is the mean over each of them, Lin is shared by all, and their vectors are concatenated.

    Differs from the authors' code: a gallery picture passes through the same layers with its text missing, where theirs
    skips them. A bare vector is a map of one cell.
    """

    def __init__(self, *, image_dim: int, text_dim: int, dim: int, cells: tuple[int, int] = (1, 1)) -> None:
        super().__init__(image_dim=image_dim, text_dim=text_dim, dim=dim)
        self.gate, self.residual = (_branch(image_dim + text_dim, image_dim) for _ in range(2))
        self.a = nn.Parameter(torch.tensor([1.0, 10.0]))
        self.cells = (cells[0], cells[1])
        self.project = nn.Linear(image_dim, cell_width(dim, self.cells))

    def compose(self, image: Features, text: Features) -> Tensor:
        """Compose both sides: (B, dim)."""
        x = as_map(image)  # (B, image_dim, H, W)
        z = append_text(x, text.vector)
        mixed = self.a[0] * self._sigma(z) * x + self.a[1] * self.residual(z)
        return pool_cells(mixed, self.cells, self.project)

    def gates(self, image: Features, text: Features) -> Tensor:
        """Return σ(g): (B, image_dim, H, W)."""
        return self._sigma(append_text(as_map(image), text.vector))

    def _sigma(self, z: Tensor) -> Tensor:
        return torch.sigmoid(self.gate(z))


def _branch(width: int, out: int) -> nn.Sequential:
    return nn.Sequential(
        nn.BatchNorm2d(width),
        nn.Conv2d(width, width, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(width, out, 3, padding=1),
    )
