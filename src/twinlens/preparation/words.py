"""Texts as the numbers of their tokens."""

from __future__ import annotations

import string
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from tokenizers import Tokenizer

from twinlens.core.types import Arrays, Sample, TwinlensError

TOKENIZER = "tokenizer.json"
MOST_TOKENS = 65_536
"""Tokens of a text; networks read some hundred."""
_PUNCTUATION = str.maketrans("", "", string.punctuation)


@dataclass(frozen=True)
class Words:
    """The tokens of a text, at most `max_tokens`.

    pad: the id of the padding token, None for that of [PAD]. lower: texts are put into lower case first. spaces:
    several spaces and line ends count as one space. punctuation: is read; if False, it is left out.
    """

    name: ClassVar[str] = "words"
    tokenizer: Tokenizer
    max_tokens: int
    pad: int | None = None
    lower: bool = False
    spaces: bool = False
    punctuation: bool = True

    def __post_init__(self) -> None:
        if not 1 < self.max_tokens <= MOST_TOKENS:
            raise TwinlensError(f"texts have 2 to {MOST_TOKENS} tokens, not {self.max_tokens}")

    @classmethod
    def restore(cls, folder: Path, /, **settings: Any) -> Self:
        """Read the tokenizer. Raises TwinlensError where it is missing or damaged."""
        return cls(load_tokenizer(folder), **settings)

    def prepare(self, sample: Sample) -> Arrays:
        """Return words (L,) int64, words_mask (L,) bool, text_present () bool, with L = `max_tokens`.

        The empty text, that of a picture alone, is [CLS] [SEP]. A text that is cut still ends with [SEP].
        """
        length, ids = self.max_tokens, self.tokenizer.encode(self._plain(sample.text)).ids
        count = min(len(ids), length)
        pad = self.tokenizer.token_to_id("[PAD]") or 0 if self.pad is None else self.pad
        words = np.full(length, pad, dtype=np.int64)
        words[:count] = ids[:count]
        if len(ids) > length:
            words[length - 1] = ids[-1]
        present = np.asarray(bool(sample.text.strip()))
        return {"words": words, "words_mask": np.arange(length) < count, "text_present": present}

    def cuts(self, text: str) -> bool:
        """Return True if a text is longer than `max_tokens`."""
        text = self._plain(text)
        return len(text) >= self.max_tokens - 1 and len(self.tokenizer.encode(text).ids) > self.max_tokens

    def settings(self) -> Mapping[str, Any]:
        """Return the options but the tokenizer."""
        names = ("max_tokens", "pad", "lower", "spaces", "punctuation")
        return {name: getattr(self, name) for name in names}

    def save(self, folder: Path) -> None:
        """Write the tokenizer."""
        save_tokenizer(self.tokenizer, folder / TOKENIZER)

    def _plain(self, text: str) -> str:
        text = " ".join(text.split()) if self.spaces else text
        text = text if self.punctuation else text.translate(_PUNCTUATION)
        return text.lower() if self.lower else text


def load_tokenizer(folder: Path) -> Tokenizer:
    """Read `tokenizer.json` from a folder. Raises TwinlensError if it is missing or not a tokenizer."""
    path = folder / TOKENIZER
    if not path.is_file():
        raise TwinlensError(f"the model folder lacks {path.name} (looked in {folder}); copy the whole folder again")
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises bare Exception for every malformed file
        raise TwinlensError(f"{path} is not a tokenizer file: {error}") from error


def save_tokenizer(tokenizer: Tokenizer, path: Path) -> None:
    """Write a tokenizer. Raises OSError; the library's own writer raises a bare Exception where the disk is full."""
    path.write_bytes(tokenizer.to_str(pretty=True).encode("utf-8"))
