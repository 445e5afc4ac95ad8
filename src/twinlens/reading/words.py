"""A network for sentences that the grammar does not read: n-grams → a direction in the space of facts. NumPy only."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from twinlens.reading.grammar.parse import VOCABULARY
from twinlens.reading.grammar.spelling import normalise

Array = NDArray[np.float32]
LONGEST = 3
"""Words of the longest n-grams."""


@dataclass(frozen=True)
class WordNetwork:
    """direction = relu(f W + b) U, f (V,) the n-grams of a sentence, present 1 or absent 0, over √(their number).

    grams: the V known n-grams. into (V, H) and out (H, d): whole numbers from −127 to 127, in units of into_scale (H,)
    and out_scale (d,). bias (H,).
    """

    grams: tuple[str, ...]
    into: NDArray[np.int8]
    into_scale: Array
    bias: Array
    out: NDArray[np.int8]
    out_scale: Array

    def __call__(self, sentence: str) -> Array:
        """Return the direction (d,) of a sentence, of unit length; zeros where no n-gram is known."""
        known = [self._numbers[gram] for gram in grams(sentence) if gram in self._numbers]
        if not known:
            return np.zeros(len(self.out_scale), dtype=np.float32)
        features = self.into[known].sum(axis=0, dtype=np.float32) * self.into_scale / np.sqrt(len(known))
        direction = np.maximum(features + self.bias, 0) @ self.out * self.out_scale
        return np.asarray(direction / max(float(np.linalg.norm(direction)), 1e-9), dtype=np.float32)

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {gram: number for number, gram in enumerate(self.grams)}


def grams(sentence: str) -> list[str]:
    """List the different n-grams of a sentence, one to LONGEST words, and its pairs of words in their order.

    The words have the form that the grammar gives them.
    """
    words = ["<", *_words(sentence), ">"]
    lengths = range(1, LONGEST + 1)
    found = [" ".join(words[start : start + n]) for n in lengths for start in range(len(words) - n + 1)]
    pairs = [f"{one} … {other}" for one, other in combinations(words[1:-1], 2)]
    return list(dict.fromkeys([*found, *pairs]))


def _words(sentence: str) -> list[str]:
    """Split a sentence into words, those that the grammar knows in its form."""
    tokens = re.findall(r"[a-z]+|\d+", sentence.lower())
    return [word for token in tokens for word in normalise(token, VOCABULARY) or [token]]
