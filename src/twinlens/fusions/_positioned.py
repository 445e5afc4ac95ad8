"""The frame of fusions that apply another fusion to the cells of a picture's map: positions, and normalised texts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from twinlens.core import variants
from twinlens.core.plugin_names import short
from twinlens.core.types import Features, TwinlensError
from twinlens.fusions import Fusion, as_map

_PLACE_STD = 0.5  # standard deviation of the cells' positions at first


class PositionedMap(Fusion):
    """A fusion that applies the one named `method`, with the options under its name in `options`, to a map of cells.

    The picture's map is averaged over n = rows · columns `cells`, and each cell gets a learned position, p. With
    `text_norm = "batch"` the text's vector passes through a batch normalisation that is learned with the fusion: all
    methods then start from texts of the same mean and variance, also those that do not normalise their input. Rows
    without a text do not count in its statistics. Raises TwinlensError for a method that composes scores, not vectors.
    """

    def __init__(
        self, *, image_dim: int, text_dim: int, dim: int, cells: tuple[int, int], text_norm: Literal["batch"] | None
    ) -> None:
        super().__init__(image_dim=image_dim, text_dim=text_dim, dim=dim)
        if text_norm not in (None, "batch"):
            raise TwinlensError(f'text_norm is "batch" or left out, not {text_norm!r}')
        self.cells = (cells[0], cells[1])
        self.place = nn.Parameter(_PLACE_STD * torch.randn(cells[0] * cells[1], image_dim))
        self.text_norm = _TextNorm(text_dim) if text_norm else None

    def filled(self, image: Features | None, text: Features | None) -> tuple[Features, Features]:
        """Normalise the text, and replace what is missing of both sides."""
        if text is not None and self.text_norm is not None:
            text = replace(text, vector=self.text_norm(text.vector, text.present))
        return super().filled(image, text)

    def positioned(self, image: Features) -> Tensor:
        """Average the picture's map over the cells and add their positions: (B, n, image_dim)."""
        cells = F.adaptive_avg_pool2d(as_map(image), self.cells).flatten(2).transpose(1, 2)
        return cells + self.place


class _TextNorm(nn.BatchNorm1d):
    """Batch normalisation of texts (B, T) whose statistics are those of the rows that are present, (B,) bool."""

    def forward(self, texts: Tensor, present: Tensor | None = None) -> Tensor:
        if not self.training:
            return super().forward(texts)
        kept = texts if present is None else texts[present]
        if len(kept) < 2:  # too few for statistics
            return F.batch_norm(texts, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)
        normalised = super().forward(kept)
        return normalised if present is None else texts.masked_scatter(present.unsqueeze(-1), normalised)


def make_method(method: str, options: Mapping[str, Mapping[str, Any]] | None, **widths: Any) -> Fusion:
    """Build the fusion `method` with its options. Raises TwinlensError if it composes scores, not vectors."""
    fusion: Fusion = variants.make("fusions", method, **widths, **(options or {}).get(method, {}))
    if type(fusion).similarity is not Fusion.similarity:
        raise TwinlensError(f"{short(method)} composes scores, not vectors, and cannot work cell by cell")
    return fusion
