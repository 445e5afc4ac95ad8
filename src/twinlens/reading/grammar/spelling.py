"""Words of a sentence in one form: small letters, singular, numbers as words, slips of the pen mended."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator

NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_FORMS = {
    "item": "items object objects",
    "block": "blocks",
    "square": "squares",
    "circle": "circles",
    "triangle": "triangles",
    "box": "boxes",
    "tower": "towers",
    "color": "colors colour colours colored coloured",
    "shape": "shapes",
    "size": "sizes sized",
    "base": "bases",
    "top": "tops",
    "height": "heights",
    "edge": "edges",
    "wall": "walls",
    "side": "sides",
    "corner": "corners",
    "kind": "kinds",
    "is": "are isn",
    "has": "have having contain contains containing ha",
    "touching": "touch touches",
    "grey": "gray",
    "at least": "atleast tleast",
    "all": "ll",
    "at": "t",
    "large": "big",
    "yellow": "yelow",
    "below": "bellow",
    "least": "lest",
    "is a": "isa",
}
"""Form of the grammar → forms that are read as the same."""
FORMS = {form: word for word, forms in _FORMS.items() for form in forms.split()}
FORMS |= {str(number): word for number, word in enumerate(NUMBERS)}
RUN_TOGETHER = ("a", "is", "at")
"""Words that are found run together with the next one."""


def normalise(sentence: str, vocabulary: Collection[str]) -> list[str] | None:
    """Split a sentence into words of the vocabulary; None where a word is nothing like any of them."""
    words: list[str] = []
    for token in re.findall(r"[a-z]+|\d+|,", sentence.lower()):
        known = _known(token, vocabulary)
        if known is None:
            return None
        words += known
    return words


def _known(token: str, vocabulary: Collection[str]) -> list[str] | None:
    """Return the words that a token stands for: its own form, two words run together, or the nearest word."""
    if token in vocabulary or token in FORMS:
        return FORMS.get(token, token).split()
    for head in RUN_TOGETHER:
        if token.startswith(head) and (rest := token.removeprefix(head)) in {*vocabulary, *FORMS} and len(rest) > 2:
            return [head, *FORMS.get(rest, rest).split()]
    near = {FORMS.get(word, word) for word in _one_slip(token) if word in vocabulary or word in FORMS}
    return near.pop().split() if len(token) > 2 and len(near) == 1 else None


def _one_slip(token: str) -> Iterator[str]:
    """Yield the words that one lost, added, changed or swapped letter turns into this token."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    for head, tail in _cuts(token):
        yield from (head + letter + tail for letter in letters)
        if tail:
            yield head + tail[1:]
            yield from (head + letter + tail[1:] for letter in letters)
        if len(tail) > 1:
            yield head + tail[1] + tail[0] + tail[2:]


def _cuts(token: str) -> Iterable[tuple[str, str]]:
    return [(token[:cut], token[cut:]) for cut in range(len(token) + 1)]
