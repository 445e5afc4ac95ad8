"""The frame of fusions whose query is a direction, and whose entries are pictures alone."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from twinlens.calibration import Channel
from twinlens.core.types import Features, TwinlensError
from twinlens.fusions import Fusion
from twinlens.fusions._standardised import standardised_scores


class Directions(Fusion):
    """v = [L2(q); L2(x); a] / √2, x the picture and q the direction to search along; a is 1 without a picture, else 0.

    The score of a query and an entry is q·y, y the entry's picture, in standard deviations above its mean over the
    gallery. An entry's own caption stands in its q alone, which nothing is compared with. A query without a text
    has q = x. The option `dim` is not used: the width is 2 · image_dim + 1.
    """

    def __init__(self, *, image_dim: int, text_dim: int, dim: int, picture_weight: float = 0.02) -> None:
        if image_dim != text_dim:
            raise TwinlensError(
                f"pictures ({image_dim} channels) and directions ({text_dim}) share no space; use the encoder facts"
            )
        super().__init__(image_dim=image_dim, text_dim=text_dim, dim=dim)
        self.picture_weight, self.dim = picture_weight, 2 * image_dim + 1
        query, entry = slice(0, image_dim), slice(image_dim, 2 * image_dim)
        self.channels = (Channel("text", query, entry, self.dim - 1),)
        self.no_image.requires_grad_(False)
        self.no_text.requires_grad_(False)

    def direction(self, image: Features, text: Features) -> Tensor:
        """Return the directions of queries (B, image_dim): q = L2(t) + w L2(x), w = picture_weight."""
        x, t = F.normalize(image.vector, dim=-1), F.normalize(text.vector, dim=-1)
        return torch.where(t.eq(0).all(-1, keepdim=True), x, t + self.picture_weight * x)

    def compose(self, image: Features, text: Features) -> Tensor:
        """Concatenate the direction, the picture and its flag: (B, 2 · image_dim + 1)."""
        x = F.normalize(image.vector, dim=-1)
        missing = x.eq(0).all(-1, keepdim=True).to(x.dtype)
        return torch.cat([F.normalize(self.direction(image, text), dim=-1), x, missing], dim=-1)

    def similarity(self, queries: Tensor, gallery: Tensor) -> Tensor:
        """Score queries against entries, in standard deviations above their mean over the gallery: (Q, N)."""
        scores = standardised_scores(self.channels, queries.numpy(force=True), gallery.numpy(force=True))
        return torch.from_numpy(scores)
