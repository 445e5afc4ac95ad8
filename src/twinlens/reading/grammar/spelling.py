"""Words of a sentence in one form: small letters, singular, numbers as words, slips of the pen mended."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence

from twinlens.reading.grammar.english import WORDS

NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_FORMS = {
    "item": "items object objects",
    "one": "ones",
    "block": "blocks",
    "square": "squares",
    "circle": "circles",
    "triangle": "triangles",
    "box": "boxes boxs",
    "tower": "towers",
    "color": "colors colour colours colored coloured",
    "shape": "shapes shaped",
    "size": "sizes sized",
    "base": "bases",
    "top": "tops",
    "height": "heights",
    "edge": "edges",
    "wall": "walls",
    "side": "sides",
    "place": "places",
    "position": "positions",
    "level": "levels",
    "corner": "corners",
    "kind": "kinds",
    "is": "are",
    "is not": "isn't aren't isnt arent",
    "does": "do",
    "does not": "doesn't don't doesnt dont",
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
_MENDED = """
yellow black blue square squares circle circles triangle triangles item items object objects block blocks tower
towers boxes color colors colour colours shape shapes size sizes small medium large touching edge edges wall walls
corner corners bottom base bases height heights exactly least there with contain contains between below above under
different same position nearly closely three four five seven eight
"""
MENDED = frozenset(_MENDED.split())
"""The words that slips are mended to; `english.WORDS` has those that are one slip away from them and mean another."""
LONGEST = max(map(len, MENDED)) + 1
"""Letters of the longest token that is one slip away from a word."""
MOST_LETTERS = 2000
"""Most letters of a sentence that is read, spaces in a row counted as one."""
_PLURAL = {"items", "objects", "blocks", "squares", "circles", "triangles", "boxes", "towers"}
_QUALITIES = {"yellow", "black", "blue", "small", "medium", "large", "big", "grey", "gray"}
_QUANTIFIERS = {*NUMBERS, *map(str, range(10)), "none", "each", "every", "all", "ll", "both", "any"}

_CLAUSE = r"(^(?:either )?|\b(?:and also|or else|it is not true that|it is not the case that) )"
_PLURAL_NAME = (
    r"((?:(?:yellow|black|blue|small|medium|large|big|or|colou?red|square|circle|triangle) )*"
    r"(?:items|objects|blocks|squares|circles|triangles))"
)
_NO_SUBJECT = "there|it|they|them|all|both"
_TAIL = rf"((?:(?: (?!{_NO_SUBJECT}|,)\S+)*? (?!{_NO_SUBJECT}|,|that|which|where|than|but|and|or)\S+)??)"
_NONE_ARE = re.compile(rf"{_CLAUSE}{_PLURAL_NAME} (?:(?:are|is|do) not|(?:are|is|do)n'?t)(?!\S)")
_ALL_ARE = re.compile(rf"{_CLAUSE}{_PLURAL_NAME}{_TAIL} ((?:are|is)(?:n'?t)?|touch)(?!\S)")


def normalise(sentence: str, vocabulary: Collection[str]) -> list[str] | None:
    """Split a sentence into words of the vocabulary; None where a word or a sign is nothing like any of them."""
    sentence = " ".join(sentence.split())
    if len(sentence) > MOST_LETTERS:
        return None
    words: list[str] = []
    for token in re.findall(r"[a-z]+(?:'[a-z]+)?|\d+|\S", _plain(sentence)):
        known = _known(token, vocabulary)
        if known is None:
            return None
        words += known
    return [form for word in _universal(_of_all(words)) for form in FORMS.get(word, word).split()]


def _plain(sentence: str) -> str:
    """Take signs that change nothing out of a sentence: its end, quotes, and hyphens of words."""
    text = re.sub(r"[\s.!?/]+$", "", sentence.lower().replace("’", "'"))
    text = re.sub(r"(?<=[a-z0-9])-(?=[a-z])", " ", text)
    return re.sub(r"[;:]", ",", text).replace('"', "")


def _known(token: str, vocabulary: Collection[str]) -> list[str] | None:
    """Return the words that a token stands for: itself, two words run together, or the nearest word."""
    if token in vocabulary or token in FORMS:
        return [token]
    if token in WORDS:
        return None
    for head in RUN_TOGETHER:
        if token.startswith(head) and (rest := token.removeprefix(head)) in {*vocabulary, *FORMS} and len(rest) > 2:
            return [head, rest]
    near = sorted(MENDED.intersection(_one_slip(token))) if 2 < len(token) <= LONGEST else []
    return near[-1:] if len({FORMS.get(word, word) for word in near}) == 1 else None


def _of_all(words: Sequence[str]) -> list[str]:
    """Put "all" before "circles are blue", and "none of the" before "circles are not blue".

    What is said of a plural without a number holds of all; "circles touching the wall" alone are some.
    """
    text = _NONE_ARE.sub(r"\1none of the \2 are", " ".join(words))
    return _ALL_ARE.sub(r"\1all \2\3 \4", text).split()


def _universal(words: Sequence[str]) -> Iterator[str]:
    """Put "all" before "the circles": their plural is lost in the singular, and what is said holds of all of them."""
    for place, word in enumerate(words):
        noun = next((other for other in words[place + 1 :] if other not in _QUALITIES), "")
        if word == "the" and noun in _PLURAL and not _quantified(words[:place]):
            yield "all"
        yield word


def _quantified(before: Sequence[str]) -> bool:
    """Test whether words before "the circles" tell their number: "none of", "between"."""
    if before and before[-1] == "of":
        return len(before) > 1 and before[-2] in _QUANTIFIERS
    # "four blocks in the towers" are four in all of them together, or in each: open
    return bool(before) and before[-1] in {"all", "ll", "both", "between", "in"}


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
