"""The frame of training-free fusions that compose scores: the vector holds both sides, `similarity` is the method."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from twinlens.core.types import Features, TwinlensError
from twinlens.fusions import Fusion


class ScoreLevel(Fusion):
    """A fusion whose vector is [x; t] / √2, both of unit length and of one space (CLIP, SigLIP); `dim` is twice theirs.

    A missing side is replaced by the other one. Only `similarity` ranks by the method: inner products would rank a
    composed query by the mean of both similarities. The option `dim` is not used. Raises TwinlensError when the widths
    of the sides differ.
    """

    by_inner_product = False

    def __init__(self, *, image_dim: int, text_dim: int, dim: int) -> None:
        if image_dim != text_dim:
            raise TwinlensError(
                f"{type(self).__name__.lower()} needs pictures and texts in one space, not {image_dim} and {text_dim} "
                "channels; use an encoder such as clip"
            )
        super().__init__(image_dim=image_dim, text_dim=text_dim, dim=dim)
        self.dim = 2 * image_dim
        self.no_image.requires_grad_(False)
        self.no_text.requires_grad_(False)

    def compose(self, image: Features, text: Features) -> Tensor:
        """Concatenate both prepared sides: (B, 2·image_dim)."""
        no_image, no_text = (side.vector.eq(0).all(-1, keepdim=True) for side in (image, text))
        x, t = self.prepared_image(image.vector), self.prepared_text(text.vector)
        x, t = torch.where(no_image, t, x), torch.where(no_text, x, t)
        return torch.where(no_image & no_text, 0.0, torch.cat([x, t], dim=-1))

    def prepared_image(self, x: Tensor) -> Tensor:
        """Prepare pictures (B, image_dim) for comparison: unit length."""
        return F.normalize(x, dim=-1)

    def prepared_text(self, t: Tensor) -> Tensor:
        """Prepare texts (B, text_dim) for comparison: unit length."""
        return F.normalize(t, dim=-1)


def sides(vectors: Tensor) -> tuple[Tensor, Tensor]:
    """Split vectors (N, 2·d) into the picture's and the text's half, each (N, d) of unit length."""
    x, t = vectors.chunk(2, dim=-1)
    return F.normalize(x, dim=-1), F.normalize(t, dim=-1)
