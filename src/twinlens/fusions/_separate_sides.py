"""What methods share whose vectors keep both sides as they are, beside each other, each compared with its own kind."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from twinlens.calibration import Channel, calibrated
from twinlens.core.types import Features, TwinlensError
from twinlens.fusions import Fusion

NAMED = 0.25
"""How much what a picture shows counts beside its caption."""


class SeparateSides(Fusion):
    """v = [L2(x); L2(t); a; b], scaled to unit length; see `calibrated`, which is this and nothing else."""

    def __init__(self, *, image_dim: int, text_dim: int, dim: int, shared: bool, named: int) -> None:
        super().__init__(image_dim=image_dim, text_dim=text_dim, dim=dim)
        if (shared and image_dim != text_dim) or (named and named != text_dim) or (shared and named):
            raise TwinlensError(f"pictures ({image_dim} channels) and texts ({text_dim}) share no space; leave it out")
        self.dim, self.widths = image_dim + text_dim + 2, [image_dim - named, *([named] if named else [])]
        self.blocks = (len(self.widths), 1)  # of each side: one that is missing weighs as much, all vectors are as long
        image, names = slice(0, image_dim - named), slice(image_dim - named, image_dim)
        text, (no_image, no_text) = slice(image_dim, image_dim + text_dim), (self.dim - 2, self.dim - 1)
        crossed = [Channel("text", text, image, no_image)] if shared else []
        crossed += [Channel("text", text, names, no_image, NAMED)] if named else []
        self.channels = (
            Channel("image", image, image, no_image),
            *crossed,
            Channel("text", text, text, no_text),
        )
        self.no_image.requires_grad_(False)
        self.no_text.requires_grad_(False)

    def compose(self, image: Features, text: Features) -> Tensor:
        """(B, image_dim + text_dim + 2)."""
        x, t = self.sides(image.vector, text.vector)
        sides = zip(self.blocks, (x, t), strict=True)
        lacking = [count**0.5 * side.eq(0).all(-1, keepdim=True).to(t.dtype) for count, side in sides]
        return torch.cat([x, t, *lacking], dim=-1)

    def sides(self, x: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """Both sides (B, image_dim), (B, text_dim) with blocks of unit length; a row of zeros stays zero."""
        blocks = [F.normalize(block, dim=-1) for block in torch.split(x, self.widths, dim=-1)]
        return torch.cat(blocks, dim=-1), F.normalize(t, dim=-1)

    def taken_apart(self, vectors: Tensor) -> tuple[Features, Features]:
        """Both sides, their blocks of unit length, from vectors (N, dim) that this method has made."""
        x, t = self.sides(vectors[:, : self.image_dim], vectors[:, self.image_dim : self.image_dim + self.text_dim])
        return Features(x, present=x.ne(0).any(-1)), Features(t, present=t.ne(0).any(-1))

    def similarity(self, queries: Tensor, gallery: Tensor) -> Tensor:
        """(Q, N): each channel's score in standard deviations above its mean over the gallery, added."""
        return torch.from_numpy(calibrated(self.channels, queries.numpy(force=True), gallery.numpy(force=True)))
