"""Vectors of plain torch on synthetic samples, which every other way to run a composer must agree with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from PIL import Image

from twinlens.core.types import Arrays, Sample
from twinlens.models.composer import Composer
from twinlens.models.runtime.export import modules
from twinlens.models.runtime.parts import Network, NetworkPart, Vectors, stacked

EXACT = {"onnx": 0.99999, "cuda": 0.9999, "bf16": 0.9999}
"""Least cosine to the vectors of plain torch, over all samples, for a way to be trusted."""
_TEXTS = ("a red square left of a dog", "", "night", "several people walk along a street in the rain, seen from above")


class Reference:
    """A composer's towers and parts by plain torch, and its vectors of some samples of each kind.

    kinds: prepared pictures with words, pictures alone, and words alone. trims: sentences keep their vectors when each
    is cut to its own length.
    """

    def __init__(self, composer: Composer, count: int) -> None:
        composer.eval()
        self.composer, self.prepared = composer, [composer.prepare(sample) for sample in samples(count)]
        self.towers, self.plain = modules(composer, stacked(self.prepared, trims=False))
        self.kinds = [batch for batch in _kinds(self.prepared) if batch]
        self.wanted = [composer.embed_prepared(batch) for batch in self.kinds]
        self.trims = self._may_trim(self.kinds[-1])

    def cosine(self, parts: Mapping[str, NetworkPart]) -> float:
        """Return the least cosine to the composer over all samples when some parts are run in another way."""
        chosen: dict[str, NetworkPart] = {**self.plain, **parts}
        network = Network(self.towers, chosen.__getitem__, trims=self.trims)
        vectors = [network(batch) for batch in self.kinds]
        # All kinds in one batch too: numbers that are scaled by a batch's largest one differ with the company.
        pairs = [*zip(vectors, self.wanted, strict=True), (network(self.prepared), np.concatenate(self.wanted))]
        return min(least_cosine(a, b) for a, b in pairs)

    @cached_property
    def arrays(self) -> dict[str, Arrays]:
        """The inputs of every part for the samples."""
        everything: dict[str, Any] = dict(stacked(self.prepared, trims=self.trims))
        for tower in self.towers:
            everything |= self.plain[tower.name](everything)
        return {name: {key: everything[key] for key in part.inputs} for name, part in self.plain.items()}

    def _may_trim(self, sentences: Sequence[Arrays]) -> bool:
        network = Network(self.towers, self.plain.__getitem__, trims=True)
        alone = [least_cosine(network([one]), self.composer.embed_prepared([one])) for one in sentences]
        return min(alone) >= EXACT["onnx"]


def least_cosine(vectors: Vectors, reference: Vectors) -> float:
    """Return the least cosine of paired unit vectors (B, D); NaN, which no threshold rejects, counts as -1."""
    return float(np.nan_to_num(np.einsum("bd,bd->b", vectors, reference), nan=-1.0).min())


def _kinds(prepared: Sequence[Arrays]) -> tuple[Sequence[Arrays], ...]:
    """Split samples into pictures with words, pictures alone and words alone, which leave different towers idle."""
    third = len(prepared) // 3
    return prepared[:third], prepared[third : 2 * third], prepared[2 * third :]


def samples(count: int) -> list[Sample]:
    """Make synthetic samples: picture and sentence, picture alone, sentence alone, in equal shares."""
    rng, third = np.random.default_rng(0), count // 3
    both = [Sample(str(n), _picture(rng), _TEXTS[n % len(_TEXTS)] or "a") for n in range(third)]
    pictures = [Sample(str(n), _picture(rng)) for n in range(third)]
    return [*both, *pictures, *(Sample(str(n), None, _TEXTS[n % len(_TEXTS)] or "b") for n in range(count - 2 * third))]


def _picture(rng: np.random.Generator) -> Image.Image:
    """Draw a light gradient, a few coloured boxes, and noise."""
    y, x = np.mgrid[0:240, 0:320] / 320
    pixels = (rng.uniform(60, 250, 3) * (1 - 0.6 * (x * rng.random() + y * rng.random()))[..., None]).clip(0, 255)
    for _ in range(6):
        top, left = rng.integers(0, 200), rng.integers(0, 280)
        pixels[top : top + rng.integers(20, 120), left : left + rng.integers(20, 120)] = rng.integers(0, 255, 3)
    noisy = pixels + rng.normal(0, 6, pixels.shape)
    return Image.fromarray(noisy.clip(0, 255).astype(np.uint8))
