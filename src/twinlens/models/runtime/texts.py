"""Sentences made ready without torch: the tokenizers of a model, and what stands for the picture that is not there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer

from twinlens.core import wordpiece
from twinlens.core.types import Arrays, Sample

if TYPE_CHECKING:
    from twinlens.models.composer import Composer

ABSENT = "absent.safetensors"
SENTENCES = ("A red CAR", "two dogs on a beach, one of them small and far away; it rains", "x", "")
"""What `keep` tries whether it makes sentences ready as the model itself does."""


class Texts:
    """What `Composer.prepare` makes of a sentence alone."""

    def __init__(self, tokenizers: Mapping[str, tuple[Tokenizer, int, int | None]], absent: Arrays) -> None:
        self.tokenizers, self.absent = tokenizers, absent

    def prepare(self, text: str) -> Arrays:
        """Arrays of a sentence without a picture."""
        arrays = dict(self.absent)
        for n, (tokenizer, length, pad) in self.tokenizers.items():
            encoded = wordpiece.encode(tokenizer, text, length, pad=pad)
            arrays |= {f"{n}.{key}": array for key, array in encoded.items()}
        return arrays

    @classmethod
    def read(cls, said: Mapping[str, Sequence[Any]], files: Mapping[str, Path]) -> Texts:
        """From the files that `keep` wrote; said: number of an encoder → tokens of its longest text, id that pads."""
        tokenizers = {n: (Tokenizer.from_file(str(files[f"words-{n}.json"])), *how) for n, how in said.items()}
        return cls(tokenizers, load_file(files[ABSENT]))


def keep(composer: Composer, folder: Path, wanted: Sequence[str]) -> dict[str, tuple[int, int | None]] | None:
    """Write tokenizers and what stands for a missing picture, of that only the arrays that are `wanted`.

    None, and no file, for a model whose encoders make sentences ready in a way of their own.
    """
    encoders: list[Any] = [*composer.encoders]
    readers = {
        str(n): (encoder.tokenizer, encoder.max_tokens, int(encoder.pad) if hasattr(encoder, "pad") else None)
        for n, encoder in enumerate(encoders)
        if isinstance(getattr(encoder, "tokenizer", None), Tokenizer) and hasattr(encoder, "max_tokens")
    }
    made = [composer.prepare(Sample("", None, text)) for text in SENTENCES]
    known = {f"{n}.{key}" for n, (t, length, _) in readers.items() for key in wordpiece.encode(t, "", length)}
    texts = Texts(readers, {key: array for key, array in made[0].items() if key not in known})
    if not all(_equal(arrays, texts.prepare(text)) for text, arrays in zip(SENTENCES, made, strict=True)):
        return None
    for n, (tokenizer, _, _) in readers.items():
        tokenizer.save(str(folder / f"words-{n}.json"))
    kept = {key: np.array(array, order="C") for key, array in texts.absent.items() if key in wanted}
    save_file(kept, folder / ABSENT)
    return {n: (length, pad) for n, (_, length, pad) in readers.items()}


def _equal(one: Arrays, other: Arrays) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(one[key], other[key]) for key in one)
