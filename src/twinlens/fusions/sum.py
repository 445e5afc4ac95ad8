"""The simplest composition: add the two sides."""

from __future__ import annotations

from torch import Tensor, nn

from twinlens.core.types import Features
from twinlens.fusions import Fusion


class Sum(Fusion):
    """L2(P_x x) + L2(P_t t), the late-fusion baseline of every comparison; P are linear maps without bias to `dim`.

    A missing side adds nothing. A side that already has `dim` channels starts with the identity as its map: on towers
    that share a space (CLIP) the untrained sum is the usual late fusion.
    """

    def __init__(self, *, image_dim: int, text_dim: int, dim: int) -> None:
        super().__init__(image_dim=image_dim, text_dim=text_dim, dim=dim)
        self.image_map = _projection(image_dim, dim)
        self.text_map = _projection(text_dim, dim)

    def compose(self, image: Features, text: Features) -> Tensor:
        """Compose both sides: (B, dim)."""
        x, t = self.image_map(image.vector), self.text_map(text.vector)
        composed: Tensor = nn.functional.normalize(x, dim=-1) + nn.functional.normalize(t, dim=-1)
        return composed


def _projection(width: int, dim: int) -> nn.Linear:
    layer = nn.Linear(width, dim, bias=False)
    if width == dim:
        nn.init.eye_(layer.weight)
    return layer
