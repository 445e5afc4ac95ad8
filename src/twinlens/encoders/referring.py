"""Referring expressions: panels of a picture with marks on the items that the sentence speaks of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from twinlens.core import variants
from twinlens.core.types import Arrays, Batch, Encoded, Features, Sample, TwinlensError
from twinlens.encoders import Encoder, _warm_start

VISUAL: Mapping[str, Any] = {"name": "panels"}
WORDS: Mapping[str, Any] = {"name": "ngrams", "dim": 36}


class Referring(Encoder):
    """Marks on the items that the text of `words` speaks of, in the map of `visual`, an encoder of panels.

    In the manner of MDETR (Kamath et al. 2021, "Modulated detection for end-to-end multi-modal understanding"), which
    detects the objects of a sentence. The channels x of a panel in a cell are followed by a mark, σ(w · ReLU(W₂ ReLU(W₁
    x + V_b t + V_c t))), with the text's vector t and weights V of the panel b and of the cell c; `hidden` is the width
    between. Without a text or a picture the mark is 0. Apart from marks, both sides are those of `visual` and `words`;
    the text's vector is padded with zeros to the width of the picture's. `start`: a trained model, by folder or shipped
    name, whose weights are loaded first.
    """

    def __init__(
        self,
        *,
        hidden: int = 128,
        visual: Mapping[str, Any] = VISUAL,
        words: Mapping[str, Any] = WORDS,
        start: str | None = None,
    ) -> None:
        super().__init__()
        self.visual, self.words = _made(visual, {"image"}), _made(words, {"text"})
        self.count, places = int(getattr(self.visual, "count", 1)), int(getattr(self.visual, "cells", 1))
        width = self.visual.dim // self.count
        self.dim = self.visual.dim + self.count
        if self.words.dim > self.dim:
            raise TwinlensError(f"referring needs words of at most {self.dim} channels, not {self.words.dim}")
        self.norm = nn.BatchNorm1d(width)
        self.look = nn.Linear(width, hidden)
        self.listen = nn.Linear(self.words.dim, self.count * hidden)
        self.place = nn.Linear(self.words.dim, places * hidden)
        self.tell = nn.Sequential(nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, 1))
        self.start = start
        _warm_start.load_weights(self, "referring", start)

    def fit(self, samples: Iterable[Sample]) -> None:
        """Fit both encoders."""
        samples = list(samples)
        self.visual.fit(samples)
        self.words.fit(samples)

    def prepare(self, sample: Sample) -> Arrays:
        """Return the arrays of both encoders."""
        return {**self.visual.prepare(sample), **self.words.prepare(sample)}

    def forward(self, batch: Batch) -> Encoded:
        """Encode tokens (B, cells, D), every panel's channels followed by its mark, and the text's vector (B, D)."""
        image, text = self.visual(batch).image, self.words(batch).text
        parts = image.tokens.unflatten(-1, (self.count, -1))  # (B, cells, panels, D')
        both = (batch["text_present"] & batch["image_present"])[:, None, None, None]
        marks = torch.sigmoid(self.marks(parts, text.vector)) * both
        tokens = torch.cat([parts, marks], dim=-1).flatten(2)
        words = F.pad(text.vector, (0, self.dim - self.words.dim))
        return Encoded(
            image=Features(tokens.mean(1), tokens, grid=image.grid, present=image.present),
            text=Features(words, present=text.present),
        )

    def marks(self, parts: Tensor, words: Tensor) -> Tensor:
        """Compute marks before σ (B, cells, panels, 1) from panels' parts (B, cells, panels, D') and texts (B, T)."""
        of_part = self.look(self.norm(parts.flatten(0, 2)).reshape(parts.shape))
        of_panel = self.listen(words).reshape(len(words), 1, self.count, -1)
        of_cell = self.place(words).reshape(len(words), parts.shape[1], 1, -1)
        logits: Tensor = self.tell(of_part + of_panel + of_cell)
        return logits

    def save_assets(self, folder: Path) -> None:
        """Write the files of both encoders, and that these weights replace those of `start`."""
        for name, encoder in (("visual", self.visual), ("words", self.words)):
            (folder / name).mkdir(exist_ok=True)
            encoder.save_assets(folder / name)
        _warm_start.mark_saved(self.start, folder)

    def load_assets(self, folder: Path) -> None:
        """Read the files of both encoders. Raises TwinlensError when one is missing."""
        self.visual.load_assets(folder / "visual")
        self.words.load_assets(folder / "words")


def _made(part: Mapping[str, Any], reads: set[str]) -> Encoder:
    options = dict(part)
    encoder: Encoder = variants.make("encoders", options.pop("name"), **options)
    if encoder.reads != reads:
        raise TwinlensError(f"referring needs an encoder that reads the {' and '.join(reads)} here, not {part['name']}")
    return encoder
