"""Preparation of sentences without torch: a model's tokenizers, and the arrays of a missing picture."""

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
"""Texts on which `keep` checks that tokenizers alone prepare sentences as the model does."""


class Texts:
    """Preparation of a sentence alone, equal to `Composer.prepare`."""

    def __init__(self, tokenizers: Mapping[str, tuple[Tokenizer, int, int | None]], absent: Arrays) -> None:
        self.tokenizers, self.absent = tokenizers, absent

    def prepare(self, text: str) -> Arrays:
        """Return the arrays of a sentence without a picture."""
        arrays = dict(self.absent)
        for n, (tokenizer, length, pad) in self.tokenizers.items():
            encoded = wordpiece.encode(tokenizer, text, length, pad=pad)
            arrays |= {f"{n}.{key}": array for key, array in encoded.items()}
        return arrays

    @classmethod
    def read(cls, settings: Mapping[str, Sequence[Any]], files: Mapping[str, Path]) -> Texts:
        """Read the files that `keep` wrote; settings: encoder number → (maximum tokens, id of the padding token)."""
        tokenizers = {
            n: (Tokenizer.from_file(str(files[f"words-{n}.json"])), *limits) for n, limits in settings.items()
        }
        return cls(tokenizers, load_file(files[ABSENT]))


def keep(composer: Composer, folder: Path, wanted: Sequence[str]) -> dict[str, tuple[int, int | None]] | None:
    """Write the tokenizers, and those `wanted` arrays that stand for a missing picture; return the settings of `read`.

    Returns None and writes nothing if tokenizers alone do not prepare sentences as the model's encoders do.
    """
    encoders: list[Any] = [*composer.encoders]
    readers = {
        str(n): (encoder.tokenizer, encoder.max_tokens, int(encoder.pad) if hasattr(encoder, "pad") else None)
        for n, encoder in enumerate(encoders)
        if isinstance(getattr(encoder, "tokenizer", None), Tokenizer) and hasattr(encoder, "max_tokens")
    }
    references = [composer.prepare(Sample("", None, text)) for text in SENTENCES]
    tokenized = {f"{n}.{key}" for n, (t, length, _) in readers.items() for key in wordpiece.encode(t, "", length)}
    texts = Texts(readers, {key: array for key, array in references[0].items() if key not in tokenized})
    if not all(_equal(arrays, texts.prepare(text)) for text, arrays in zip(SENTENCES, references, strict=True)):
        return None
    for n, (tokenizer, _, _) in readers.items():
        tokenizer.save(str(folder / f"words-{n}.json"))
    absent = {key: np.array(array, order="C") for key, array in texts.absent.items() if key in wanted}
    save_file(absent, folder / ABSENT)
    return {n: (length, pad) for n, (_, length, pad) in readers.items()}


def _equal(one: Arrays, other: Arrays) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(one[key], other[key]) for key in one)
