"""The vector of `calibrated` with blocks of a trained fusion, whose score is added for composed queries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from twinlens.calibration import BOTH, Channel
from twinlens.core import variants
from twinlens.core.plugin_names import short
from twinlens.core.types import Features, TwinlensError
from twinlens.fusions import Fusion
from twinlens.fusions._separate_sides import SeparateSides


class Learned(SeparateSides):
    """v = [x; t; a; b; q; e; m], scaled to unit length: `calibrated`'s vector, q = f(x, t), e = f(x) and a flag m.

    f is the fusion named `method` with its `options` and `dim` channels, trained on the vectors of frozen encoders (see
    `adaptation`). q is zero unless both sides are present, m is 1 where q is zero; e composes the picture alone. The
    score of a query with both sides and an entry (y, c) is that of `calibrated` plus `share` · z(f(x, t)·f(y)): the
    training-free score keeps its weight. A query with one side is ranked as `calibrated` ranks it. Raises
    TwinlensError for a method that composes scores and not vectors.
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
            raise TwinlensError(f"{short(method)} composes scores, not vectors, and has nothing to learn")
        first, width = self.dim, self.method.dim
        query, entry = slice(first, first + width), slice(first + width, first + 2 * width)
        self.channels = (*self.channels, Channel(BOTH, query, entry, first - 2, share))
        self.dim, self.blocks = first + 2 * width + 1, (len(self.widths) + 1, 1)

    def compose(self, image: Features, text: Features) -> Tensor:
        """Concatenate `calibrated`'s vector, q, e and m: (B, image_dim + text_dim + 2 + 2 · method.dim + 1)."""
        separate = super().compose(image, text)
        x, t = self.split_sides(separate)
        assert x.present is not None
        assert t.present is not None
        with_image, both = x.present.unsqueeze(-1), (x.present & t.present).unsqueeze(-1)
        composed = torch.where(both, self.method(x, t), 0)
        alone = torch.where(with_image, self.method(x, None), 0)
        return torch.cat([separate, composed, alone, (~both).to(separate.dtype)], dim=-1)
