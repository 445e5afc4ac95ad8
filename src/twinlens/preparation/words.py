"""Texts as the numbers of their tokens."""

from __future__ import annotations

import string
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

from tokenizers import Tokenizer

from twinlens.core import wordpiece
from twinlens.core.types import Arrays, Sample

_PUNCTUATION = str.maketrans("", "", string.punctuation)


@dataclass(frozen=True)
class Words:
    """The tokens of a text, at most `max_tokens`; see `wordpiece.encode`.

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

    @classmethod
    def restore(cls, folder: Path, /, **settings: Any) -> Self:
        """Read the tokenizer. Raises TwinlensError where it is missing or damaged."""
        return cls(wordpiece.load(folder), **settings)

    def prepare(self, sample: Sample) -> Arrays:
        """Return words (L,) int64, words_mask (L,) bool, text_present () bool, with L = `max_tokens`."""
        return wordpiece.encode(self.tokenizer, self._plain(sample.text), self.max_tokens, pad=self.pad)

    def cuts(self, text: str) -> bool:
        """Return True if a text is longer than `max_tokens`."""
        return wordpiece.is_longer(self.tokenizer, self._plain(text), self.max_tokens)

    def settings(self) -> Mapping[str, Any]:
        """Return the options but the tokenizer."""
        names = ("max_tokens", "pad", "lower", "spaces", "punctuation")
        return {name: getattr(self, name) for name in names}

    def save(self, folder: Path) -> None:
        """Write the tokenizer."""
        wordpiece.save(self.tokenizer, folder / wordpiece.FILE)

    def _plain(self, text: str) -> str:
        text = " ".join(text.split()) if self.spaces else text
        text = text if self.punctuation else text.translate(_PUNCTUATION)
        return text.lower() if self.lower else text
