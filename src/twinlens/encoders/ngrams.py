"""Bag of n-grams: the cheapest text encoder that is sensitive to word order."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from torch import nn

from twinlens.core.types import Arrays, Batch, Encoded, Features, Sample, TwinlensError
from twinlens.encoders import Encoder

FILE = "ngrams.json"
_STD = 0.05  # of the initial embeddings: small, so that training soon outweighs it
_WORD = re.compile(r"[^\W_]+")


class Ngrams(Encoder):
    """Joulin et al. 2017, "Bag of tricks for efficient text classification" (fastText).

    The vector is the sum of the embeddings of the text's n-grams, n = 1 to `longest` words, divided by the root of
    their number, so that vectors of long and short texts have similar lengths. `fit` takes the `vocabulary` most
    frequent n-grams; others are skipped, and so are those after the first `max_tokens`. A text of unknown n-grams is
    present, with a vector of zeros.
    """

    reads = frozenset({"text"})

    def __init__(self, *, dim: int = 96, longest: int = 2, vocabulary: int = 2000, max_tokens: int = 48) -> None:
        super().__init__()
        self.dim, self.longest, self.vocabulary, self.max_tokens = dim, longest, vocabulary, max_tokens
        self.table = nn.EmbeddingBag(vocabulary + 1, dim, mode="sum", padding_idx=0)
        nn.init.normal_(self.table.weight[1:], std=_STD)
        self.known: dict[str, int] = {}

    def fit(self, samples: Iterable[Sample]) -> None:
        """Learn the vocabulary, unless there is one; among equally frequent n-grams the alphabet decides."""
        if not self.known:
            counts = Counter(gram for sample in samples for gram in grams(sample.text, self.longest))
            best = sorted(counts, key=lambda gram: (-counts[gram], gram))[: self.vocabulary]
            self.known = {gram: number for number, gram in enumerate(best, start=1)}

    def prepare(self, sample: Sample) -> Arrays:
        """Return ngrams (max_tokens,) int64, padded with zeros, and text_present ()."""
        known = [self.known[gram] for gram in grams(sample.text, self.longest) if gram in self.known][: self.max_tokens]
        numbers = np.zeros(self.max_tokens, dtype=np.int64)
        numbers[: len(known)] = known
        return {"ngrams": numbers, "text_present": np.asarray(bool(sample.text.strip()))}

    def forward(self, batch: Batch) -> Encoded:
        """Encode one vector (B, D), without tokens."""
        numbers = batch["ngrams"]
        count = (numbers > 0).sum(1, keepdim=True).clamp(min=1)
        return Encoded(text=Features(self.table(numbers) / torch.sqrt(count), present=batch["text_present"]))

    def save_assets(self, folder: Path) -> None:
        """Write the vocabulary, in the order of its numbers."""
        (folder / FILE).write_text(json.dumps(list(self.known), ensure_ascii=False) + "\n", encoding="utf-8")

    def load_assets(self, folder: Path) -> None:
        """Read the vocabulary. Raises TwinlensError when it is missing or damaged."""
        try:
            known = [str(gram) for gram in json.loads((folder / FILE).read_text(encoding="utf-8"))]
        except (OSError, ValueError, TypeError) as error:
            raise TwinlensError(f"the vocabulary {folder / FILE} cannot be read; copy the whole model again") from error
        self.known = {gram: number for number, gram in enumerate(known, start=1)}


def grams(text: str, longest: int) -> list[str]:
    """List the n-grams of a text in lower case, shortest first: "red", "box", "red box"."""
    words = _WORD.findall(text.casefold())
    return [
        " ".join(words[start : start + length])
        for length in range(1, longest + 1)
        for start in range(len(words) - length + 1)
    ]
