"""CurlingNet-style: a residual moves the source by the text, then a gate weights the channels for the query."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from twinlens.core.types import Features
from twinlens.fusions import Fusion
from twinlens.fusions._layers import projection


class Curling(Fusion):
    """After the abstract of Yu et al. 2020, "CurlingNet: compositional learning between images and text".

    Delivery: D = x + MLP([x; t]). Sweeping: γ = σ(MLP([x; t])). Score with a gallery entry y: s = ⟨γ ⊙ D, γ ⊙ y⟩. As γ
    depends on the query alone, s = ⟨γ² ⊙ D, y⟩: with out = γ² ⊙ D scoring is an inner product that any index can do.
    MLP = Lin(ReLU(BN(Lin(ReLU(BN ·))))), 2·`dim` wide inside.

    The authors' code is not public, so the layers are ours. A gallery picture is a query without a text: it passes
    through the same layers, and its γ is the one of the missing text. Sides that are not `dim` wide are projected
    first.
    """

    def __init__(self, *, image_dim: int, text_dim: int, dim: int) -> None:
        super().__init__(image_dim=image_dim, text_dim=text_dim, dim=dim)
        self.image_map, self.text_map = projection(image_dim, dim), projection(text_dim, dim)
        self.delivery, self.sweeping = (_mlp(2 * dim, dim) for _ in range(2))

    def compose(self, image: Features, text: Features) -> Tensor:
        """Compose both sides: (B, dim)."""
        x, z = self._mapped(image, text)
        composed: Tensor = torch.sigmoid(self.sweeping(z)).square() * (x + self.delivery(z))
        return composed

    def gates(self, image: Features, text: Features) -> Tensor:
        """Return γ as a map of one cell: (B, dim, 1, 1)."""
        return torch.sigmoid(self.sweeping(self._mapped(image, text)[1]))[:, :, None, None]

    def _mapped(self, image: Features, text: Features) -> tuple[Tensor, Tensor]:
        """Project both sides: x (B, dim) and z = [x; t] (B, 2 · dim)."""
        x = self.image_map(image.vector)
        return x, torch.cat([x, self.text_map(text.vector)], dim=-1)


def _mlp(width: int, out: int) -> nn.Sequential:
    return nn.Sequential(
        nn.BatchNorm1d(width),
        nn.ReLU(),
        nn.Linear(width, width),
        nn.BatchNorm1d(width),
        nn.ReLU(),
        nn.Linear(width, out),
    )
