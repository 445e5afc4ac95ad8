"""The mean of both sides, training-free: late fusion in a shared space, and the whole of a joint encoder's vector."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from twinlens.core.types import Features, TwinlensError
from twinlens.fusions import Fusion


class Mean(Fusion):
    """L2(x) + L2(t), the untrained `sum`, for sides of one space; nothing is learned.

    A missing side adds nothing. An encoder that reads picture and text in one pass into one vector (`multimodal`) has
    that vector on both sides, and so has the fusion. The option `dim` is not used: the width is that of the sides.
    Raises TwinlensError where they differ.
    """

    def __init__(self, *, image_dim: int, text_dim: int, dim: int) -> None:  # noqa: ARG002
        if image_dim != text_dim:
            raise TwinlensError(
                f"pictures ({image_dim} channels) and texts ({text_dim}) share no space; use the fusion sum"
            )
        super().__init__(image_dim=image_dim, text_dim=text_dim, dim=image_dim)
        self.no_image.requires_grad_(False)
        self.no_text.requires_grad_(False)

    def compose(self, image: Features, text: Features) -> Tensor:
        """Add both sides: (B, image_dim)."""
        return F.normalize(image.vector, dim=-1) + F.normalize(text.vector, dim=-1)
