"""The product of the similarities with the picture and with the text: high only where both are."""

from __future__ import annotations

import torch
from torch import Tensor

from twinlens.fusions._score_level import ScoreLevel, sides


class Product(ScoreLevel):
    """s = √(max(0, x·y) · max(0, t·y)) for a query (x, t) and a gallery picture y: a product on the cosine's scale.

    A training-free baseline on encoders whose sides share a space, as in Psomas et al. 2025, "Instance-level composed
    image retrieval", whose code sets negative similarities to zero before it multiplies; the root does not change
    their ranking. A query with one side is ranked by that side's cosine.
    """

    def similarity(self, queries: Tensor, gallery: Tensor) -> Tensor:
        """Score queries against entries: (Q, N); the text of an entry without a picture takes the picture's place."""
        (x, t), (y, _) = sides(queries), sides(gallery)
        by_image, by_text = x @ y.T, t @ y.T
        product = (by_image.clamp_min(0) * by_text.clamp_min(0)).sqrt()
        alone = (x == t).all(-1, keepdim=True)
        return torch.where(alone, by_text, product)
