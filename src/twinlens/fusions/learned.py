"""Picture and words side by side as in `calibrated`, and beside them a trained fusion that composes the two."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from twinlens.calibration import BOTH, Channel
from twinlens.core import variants
from twinlens.core.types import Features, TwinlensError
from twinlens.fusions import Fusion
from twinlens.fusions._separate_sides import SeparateSides


class Learned(SeparateSides):
    """v = [x; t; a; b; q; e; c], scaled to unit length: `calibrated`'s vector, q = f(x, t), e = f(x) and c.

    f is the fusion named `method` with its `options` and `dim` channels, trained on the vectors of frozen encoders (see
    `adaptation`). q is zero unless both sides are there, c is 1 where it is zero; e is a picture alone. The score of a
    query with both sides and an entry (y, c) is that of `calibrated` and `share` · z(f(x, t)·f(y)): what is known
    without training keeps its say. A query with one side is ranked as `calibrated` ranks it. Raises TwinlensError for
    a method that composes scores and not vectors.
    """

    def __init__(
        self,
        *,
        image_dim: int,
        text_dim: int,
        dim: int,
        shared: bool = False,
        named: int = 0,
        method: str = "combiner",
        share: float = 1.0,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(image_dim=image_dim, text_dim=text_dim, dim=dim, shared=shared, named=named)
        widths = {"image_dim": image_dim, "text_dim": text_dim, "dim": dim}
        self.method: Fusion = variants.make("fusions", method, **widths, **(options or {}))
        if type(self.method).similarity is not Fusion.similarity:
            raise TwinlensError(f"{method} composes scores, not vectors, and has nothing to learn")
        first, width = self.dim, self.method.dim
        query, entry = slice(first, first + width), slice(first + width, first + 2 * width)
        self.channels = (*self.channels, Channel(BOTH, query, entry, first - 2, share))
        self.dim, self.blocks = first + 2 * width + 1, (len(self.widths) + 1, 1)

    def compose(self, image: Features, text: Features) -> Tensor:
        """(B, image_dim + text_dim + 2 + 2 · method.dim + 1)."""
        beside = super().compose(image, text)
        x, t = self.split_sides(beside)
        assert x.present is not None
        assert t.present is not None
        shown, both = x.present.unsqueeze(-1), (x.present & t.present).unsqueeze(-1)
        composed, alone = (torch.where(there, self.method(x, other), 0) for there, other in ((both, t), (shown, None)))
        return torch.cat([beside, composed, alone, (~both).to(beside.dtype)], dim=-1)
