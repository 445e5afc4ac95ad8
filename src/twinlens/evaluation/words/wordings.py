"""Other wordings of a query, made by rule: paraphrases, negations, swapped words."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeAlias

from twinlens.core.types import Sample
from twinlens.metrics import Scores

Score: TypeAlias = Callable[[Sequence[Sample], Sequence[Sample]], Scores]
"""Function from queries (Q) and a gallery (N) to scores (Q, N), higher is nearer."""
PARAPHRASES = ("a picture of {}", "{}, please", "I am looking for {}")
"""Frames that leave the meaning as it is."""
NEGATIONS = ("not {}", "without {}", "no {}")
"""Frames that reverse the meaning."""
COMMON = ("red", "green", "blue", "yellow", "black and white", "a person", "an animal", "a car", "a house", "a tree",
          "food", "the sea")  # fmt: skip
"""Words that are swapped where a collection has none of its own."""


def words_of(text: str) -> frozenset[str]:
    """Return the words of a text, ignoring case and punctuation."""
    return frozenset(re.findall(r"\w+", text.casefold()))


def reworded(queries: Sequence[Sample], frames: Sequence[str]) -> list[Sample]:
    """Put the text of each query into a frame; queries take the frames in turn."""
    return [replace(query, text=frames[n % len(frames)].format(query.text)) for n, query in enumerate(queries)]
