"""Prompts of a chat around a picture and a text, as tokens."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from twinlens.core.types import TwinlensError
from twinlens.preparation.words import TOKENIZER, load_tokenizer, save_tokenizer

PROMPTS = "preprocessing.json"
NOTHING = "NULL"
"""Text of a sample without picture and text."""
_TEXT = "\u241etext\u241e"
Message = Mapping[str, Any]


@dataclass(frozen=True)
class Prompts:
    """A checkpoint's prompts, with or without a picture.

    before: what stands before the text, by whether there is a picture. after: what stands behind it. image: the id of
    the token that stands for a picture. tokens: those of a text that are read.
    """

    tokenizer: Tokenizer
    before: Mapping[bool, str]
    after: str
    image: int
    tokens: int

    @classmethod
    def of_chat(
        cls, render: Callable[[list[Message]], str], tokenizer: Tokenizer, *, instruction: str, image: int, tokens: int
    ) -> Self:
        """Read the prompts off a chat template: instruction as the system's message, picture and text as the user's.

        Raises TwinlensError for a template that does not show the text once, or changes what follows it.
        """
        parts = {}
        for pictured in (False, True):
            content = [*([{"type": "image"}] if pictured else []), {"type": "text", "text": _TEXT}]
            system = {"role": "system", "content": [{"type": "text", "text": instruction}]}
            parts[pictured] = render([system, {"role": "user", "content": content}]).split(_TEXT)
        if {len(part) for part in parts.values()} != {2} or parts[False][1] != parts[True][1]:
            raise TwinlensError("the checkpoint's chat template does not show a text as it is; choose another")
        return cls(tokenizer, {key: part[0] for key, part in parts.items()}, parts[True][1], image, tokens)

    def encode(self, text: str, pictured: bool, places: int) -> NDArray[np.int64]:
        """Return the tokens (L,) of a prompt; a picture stands as `places` tokens."""
        text = text or ("" if pictured else NOTHING)
        ids, _ = self._read(text, pictured)
        return np.concatenate([np.full(places if token == self.image else 1, token) for token in ids]).astype(np.int64)

    def longest(self, places: int) -> int:
        """Return the most tokens that a prompt can have, its picture standing as at most `places`."""
        return self.tokens + max(len(self.encode("", True, places)), len(self.encode(NOTHING, False, 0)))

    def cuts(self, text: str) -> bool:
        """Return True if a text has more tokens than are read."""
        return len(text) > self.tokens and self._read(text, False)[1]

    def _read(self, text: str, pictured: bool) -> tuple[list[int], bool]:
        """Return the tokens of a prompt, and True if the end of its text is not among them."""
        start = len(self.before[pictured])
        read = self.tokenizer.encode(self.before[pictured] + text + self.after, add_special_tokens=False)
        inside = [n for n, (first, last) in enumerate(read.offsets) if first >= start and last <= start + len(text)]
        left_out = set(inside[self.tokens :])
        # A user's text may spell the picture's token; it stands for no picture.
        left_out |= {n for n in inside if read.ids[n] == self.image}
        return [token for n, token in enumerate(read.ids) if n not in left_out], len(inside) > self.tokens

    def save(self, folder: Path) -> None:
        """Write the tokenizer and the prompts."""
        save_tokenizer(self.tokenizer, folder / TOKENIZER)
        content = {"before": [self.before[False], self.before[True]], "after": self.after, "image": self.image}
        (folder / PROMPTS).write_text(json.dumps({**content, "tokens": self.tokens}, indent=2) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote. Raises TwinlensError where it is missing or damaged."""
        path = folder / PROMPTS
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            plain, pictured = content["before"]
            before, after = {False: str(plain), True: str(pictured)}, str(content["after"])
            return cls(load_tokenizer(folder), before, after, int(content["image"]), int(content["tokens"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise TwinlensError(f"{path} cannot be read: {error}; copy the whole model folder again") from error
