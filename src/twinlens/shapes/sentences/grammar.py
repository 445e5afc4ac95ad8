"""The parts of speech: words together with their meaning on a table of scenes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from twinlens.reading.table import COLOUR_CODES, SHAPE_CODES, Counts, Mask, Table, number, some
from twinlens.reading.world import COLOURS, SHAPES, SIZES
from twinlens.shapes.scenes import Scene, pick

Meaning: TypeAlias = Callable[[Table], Mask]
"""A predicate of N scenes (N,), of their boxes (N, 3) or of their items (N, 3, M)."""
_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight")


@dataclass(frozen=True)
class Sentence:
    """A statement about a scene with its meaning. family: the name of the rule that draws such sentences."""

    family: str
    text: str
    meaning: Meaning = field(repr=False, compare=False)

    def holds(self, scene: Scene) -> bool:
        """Test whether the sentence is true of a scene."""
        return bool(self.meaning(Table.of([scene]))[0])

    def truths(self, table: Table) -> Mask:
        """Test whether the sentence is true of each of N scenes (N,)."""
        return self.meaning(table)


@dataclass(frozen=True)
class Noun:
    """A kind of item: "blue circle", "blue circles", and the mask of such items (N, 3, M)."""

    one: str
    many: str
    items: Meaning

    def that(self, words: str, condition: Meaning) -> Noun:
        """Restrict the kind by a condition, with words after the noun: "blue circles touching the edge"."""
        return Noun(f"{self.one} {words}", f"{self.many} {words}", lambda t: self.items(t) & condition(t))

    def number(self, table: Table) -> Counts:
        """Count such items in each scene (N,)."""
        return number(self.items(table), 1, 2)

    def per_box(self, table: Table) -> Counts:
        """Count such items in each box (N, 3)."""
        return number(self.items(table), 2)


@dataclass(frozen=True)
class Amount:
    """A number of items: its words ("at least two"), whether a plural follows, and the counts that it admits."""

    words: str
    plural: bool
    fewest: int
    most: int | None

    def of(self, noun: Noun) -> str:
        """Join the words with a noun: "at least two blue circles", "an item"."""
        words = "an" if self.words == "a" and noun.one[0] in "aeiou" else self.words
        return f"{words} {noun.many if self.plural else noun.one}"

    def admits(self, counts: Counts) -> Mask:
        """Test each count: True where it is admitted."""
        return (counts >= self.fewest) & (True if self.most is None else counts <= self.most)


@dataclass(frozen=True)
class Trait:
    """A property of a box or a tower: words that follow "with" or "has", and the mask of such boxes (N, 3)."""

    words: str
    boxes: Meaning


@dataclass(frozen=True)
class Speaker:
    """A source of random words."""

    rng: np.random.Generator

    def pick(self, *options: str) -> str:
        """Draw one of several words, or of several ways to say the same."""
        return pick(self.rng, options)

    def number(self, count: int) -> str:
        """Write a number in words, or with a probability of a quarter in digits."""
        return str(count) if self.rng.random() < 0.25 else _NUMBERS[count]

    def between(self, fewest: int, most: int) -> int:
        """Draw a number, both ends included."""
        return int(self.rng.integers(fewest, most + 1))

    def colour(self) -> str:
        """Draw a colour."""
        return pick(self.rng, tuple(COLOURS))

    def two_colours(self) -> tuple[str, str]:
        """Draw two different colours."""
        first, second = self.rng.permutation(tuple(COLOURS))[:2].tolist()
        return first, second

    def noun(self, *, sized: bool | None = None) -> Noun:
        """Draw a kind of item with a colour, a shape or both; with a size if `sized` (None: sometimes)."""
        sized = self.rng.random() < 0.15 if sized is None else sized
        parts = self.between(0, 2)
        return self.kind(
            colour=self.colour() if parts != 1 else None,
            shape=pick(self.rng, SHAPES) if parts != 0 else None,
            size=pick(self.rng, tuple(SIZES)) if sized else None,
        )

    def kind(self, *, colour: str | None = None, shape: str | None = None, size: str | None = None) -> Noun:
        """Name the kind of item that has these attributes."""
        name = shape or self.pick("item", "object")
        words = " ".join(word for word in (size, colour, name) if word)
        return Noun(words, f"{words}s", lambda t: _having(t, colour, shape, size))

    def block(self, colour: str | None = None) -> Noun:
        """Name the blocks of towers, of one colour or of any."""
        words = f"{colour} block" if colour else "block"
        return Noun(words, f"{words}s", lambda t: (t.level > 0) & _having(t, colour, None, None))

    def exactly(self, count: int) -> Amount:
        """Express an exact number."""
        return Amount(f"{self.pick('exactly', 'exactly', 'only')} {self.number(count)}", count > 1, count, count)

    def at_least(self, count: int) -> Amount:
        """Express a least number."""
        if count == 1:
            return Amount(self.pick("a", "at least one", "at least 1"), False, 1, None)
        number = self.number(count)
        return Amount(self.pick(f"at least {number}", f"{number} or more"), True, count, None)

    def at_most(self, count: int) -> Amount:
        """Express a largest number; none is admitted too."""
        return Amount(f"at most {self.number(count)}", count > 1, 0, count)

    def amount(self, most: int = 4) -> Amount:
        """Draw an amount with a number from one to `most`."""
        count = self.between(1, most)
        return pick(self.rng, (self.exactly, self.at_least, self.at_most))(count)


def truths(sentences: Sequence[Sentence], table: Table) -> Mask:
    """Evaluate S sentences on N scenes: (S, N), True where the sentence is true of the scene."""
    rows = np.empty((len(sentences), len(table.occupied)), dtype=np.bool_)
    for row, sentence in zip(rows, sentences, strict=True):
        row[:] = sentence.truths(table)
    return rows


def _having(table: Table, colour: str | None, shape: str | None, size: str | None) -> Mask:
    items = table.occupied
    if colour:
        items = items & (table.colour == COLOUR_CODES[colour])
    if shape:
        items = items & (table.shape == SHAPE_CODES[shape])
    if size:
        items = items & (table.size == SIZES[size])
    return items


def kinds(codes: NDArray[np.int16]) -> Counts:
    """Count the different codes, of colours or of shapes, among a box's items: (N, 3, M) → (N, 3)."""
    return number(np.stack([some(codes == code, 2) for code in range(len(COLOURS))]), 0)


def related(relation: Mask, first: Mask, second: Mask) -> Mask:
    """Test for each box whether some first item is in a relation (N, 3, M, M) to some second item: (N, 3)."""
    return some(relation & first[..., :, None] & second[..., None, :], 2, 3)
