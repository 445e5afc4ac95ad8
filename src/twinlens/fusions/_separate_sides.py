"""The frame of fusions that keep both sides beside each other in the vector, each compared with its own kind."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from twinlens.calibration import channels_of_sides
from twinlens.core.types import Features, TwinlensError
from twinlens.fusions import Fusion
from twinlens.fusions._standardised import standardised_scores


class SeparateSides(Fusion):
    """v = [L2(x); L2(t); a; b], scaled to unit length; equations and options are those of fusion `calibrated`."""

    def __init__(self, *, image_dim: int, text_dim: int, dim: int, shared: bool, named: int) -> None:
        super().__init__(image_dim=image_dim, text_dim=text_dim, dim=dim)
        if (shared and image_dim != text_dim) or (named and named != text_dim) or (shared and named):
            raise TwinlensError(f"pictures ({image_dim} channels) and texts ({text_dim}) share no space; leave it out")
        self.dim, self.widths = image_dim + text_dim + 2, [image_dim - named, *([named] if named else [])]
        # Unit blocks of each side: a missing side's flag weighs as much as its blocks, so that all v are equally long.
        self.blocks = (len(self.widths), 1)
        self.channels = channels_of_sides(image_dim, text_dim, shared=shared, named=named)
        self.no_image.requires_grad_(False)
        self.no_text.requires_grad_(False)

    def compose(self, image: Features, text: Features) -> Tensor:
        """Concatenate both sides and their flags: (B, image_dim + text_dim + 2)."""
        x, t = self.unit_blocks(image.vector, text.vector)
        sides = zip(self.blocks, (x, t), strict=True)
        flags = [count**0.5 * side.eq(0).all(-1, keepdim=True).to(t.dtype) for count, side in sides]
        return torch.cat([x, t, *flags], dim=-1)

    def split_sides(self, vectors: Tensor) -> tuple[Features, Features]:
        """Recover both sides, in blocks of unit length, from vectors (N, dim) of this fusion."""
        x, t = vectors[:, : self.image_dim], vectors[:, self.image_dim : self.image_dim + self.text_dim]
        x, t = self.unit_blocks(x, t)
        return Features(x, present=x.ne(0).any(-1)), Features(t, present=t.ne(0).any(-1))

    def similarity(self, queries: Tensor, gallery: Tensor) -> Tensor:
        """Add each channel's scores, in standard deviations above their mean over the gallery: (Q, N)."""
        scores = standardised_scores(self.channels, queries.numpy(force=True), gallery.numpy(force=True))
        return torch.from_numpy(scores)

    def unit_blocks(self, x: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """Scale the blocks of x (B, image_dim) and t (B, text_dim) to unit length; a row of zeros stays zero."""
        blocks = [F.normalize(block, dim=-1) for block in torch.split(x, self.widths, dim=-1)]
        return torch.cat(blocks, dim=-1), F.normalize(t, dim=-1)
