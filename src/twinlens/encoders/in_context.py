"""Texts in the context of subjects: the mean vector of a text beside each of a list of words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from twinlens.core import variants
from twinlens.core.types import Arrays, Batch, Encoded, Features, Sample, TwinlensError
from twinlens.encoders import Encoder

_PRESENT = "text_present"


class InContext(Encoder):
    """Psomas et al. 2025, "Instance-level composed image retrieval": contextualising, a part of BASIC.

    The vector is the mean of the unit vectors of "subject text" and "text subject" over all `subjects`, as the encoder
    `words` gives them: CLIP has learned from captions, which name a subject, and a bare change such as "in the rain" is
    unlike them. The authors take 100 general subjects ("a dog", "a building"); their list is not part of this package.
    An empty text stays missing. Encoding costs 2 · |subjects| times that of one text.
    """

    reads = frozenset({"text"})

    def __init__(self, *, words: Mapping[str, Any], subjects: Sequence[str]) -> None:
        super().__init__()
        options = dict(words)
        self.words: Encoder = variants.make("encoders", options.pop("name"), **options)
        if self.words.reads != self.reads:
            raise TwinlensError(f"in_context needs an encoder that reads texts alone, not {words['name']}")
        if not subjects:
            raise TwinlensError("in_context needs at least one subject; give a list such as ['a dog', 'a building']")
        self.subjects, self.dim = tuple(subjects), self.words.dim

    def fit(self, samples: Iterable[Sample]) -> None:
        """Fit the encoder of the words."""
        self.words.fit(samples)

    def prepare(self, sample: Sample) -> Arrays:
        """Return the arrays of the words' encoder, those of the M contexts stacked (M, …), and text_present ()."""
        text = sample.text.strip()
        before, after = ([f"{s} {text}" for s in self.subjects], [f"{text} {s}" for s in self.subjects])
        contexts = [*before, *after] if text else [""] * (2 * len(self.subjects))
        prepared = [self.words.prepare(Sample(sample.id, None, context)) for context in contexts]
        arrays = {key: np.stack([one[key] for one in prepared]) for key in prepared[0] if key != _PRESENT}
        return {**arrays, _PRESENT: np.asarray(bool(text))}

    def forward(self, batch: Batch) -> Encoded:
        """Encode one vector (B, D), without tokens."""
        present = batch[_PRESENT]
        contexts = 2 * len(self.subjects)
        flat = {key: array.flatten(0, 1) for key, array in batch.items() if key != _PRESENT}
        text = self.words({**flat, _PRESENT: present.repeat_interleave(contexts)}).text
        mean = F.normalize(text.vector, dim=-1).reshape(len(present), contexts, -1).mean(1)
        return Encoded(text=Features(torch.where(present.unsqueeze(-1), mean, 0.0), present=present))

    def save_assets(self, folder: Path) -> None:
        """Write the files of the words' encoder."""
        (folder / "words").mkdir(exist_ok=True)
        self.words.save_assets(folder / "words")

    def load_assets(self, folder: Path) -> None:
        """Read the files of the words' encoder. Raises TwinlensError when one is missing."""
        self.words.load_assets(folder / "words")
