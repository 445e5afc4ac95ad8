"""Statements about boxes: counts of items and of boxes, attributes in common, and their conjunction and negation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Hashable
from dataclasses import dataclass

from twinlens.reading.meanings.base import Kind, Meaning, Number
from twinlens.reading.meanings.conditions import ATTRIBUTES
from twinlens.reading.world import SIZES, Box, Scene, depth, is_tower, level

FEATURES: dict[str, Callable[[Box], Hashable]] = {
    "height": len,
    "base": lambda box: tuple(sorted(item.colour for item in box if level(item, box) == 0)),
    "second": lambda box: tuple(sorted(item.colour for item in box if level(item, box) == 1)),
    "top": lambda box: tuple(sorted(item.colour for item in box if depth(item, box) == 0)),
    "colours": lambda box: frozenset(item.colour for item in box),
}
"""Feature of a box or a tower that others may share → its value."""


@dataclass(frozen=True)
class Count(Meaning):
    """The number of items of a kind: "There are exactly two blue circles"."""

    kind: Kind
    number: Number

    def true_of(self, scene: Scene) -> bool:
        """Return True if the number of such items in all boxes is admitted."""
        return self.number.admits(len(self.kind.among_all(scene)))


@dataclass(frozen=True)
class Every(Meaning):
    """That all items of a kind, of which there are some, are of another one too: "All circles are yellow"."""

    kind: Kind
    are: Kind

    def true_of(self, scene: Scene) -> bool:
        """Test every item of the kind."""
        pairs = [(item, box) for box in scene for item in self.kind.among(box)]
        return bool(pairs) and all(self.are.has(item, box) for item, box in pairs)


@dataclass(frozen=True)
class Compare(Meaning):
    """More items of one kind than of another: "There are more black items than circles"."""

    more: Kind
    less: Kind

    def true_of(self, scene: Scene) -> bool:
        """Compare the two counts."""
        return len(self.more.among_all(scene)) > len(self.less.among_all(scene))


@dataclass(frozen=True)
class Variety(Meaning):
    """The number of different colours, shapes or sizes among items of a kind: "items of two different colours"."""

    attribute: str
    kind: Kind
    number: Number

    def true_of(self, scene: Scene) -> bool:
        """Count the different values."""
        return self.number.admits(len({ATTRIBUTES[self.attribute](item) for item in self.kind.among_all(scene)}))


@dataclass(frozen=True)
class Palette(Meaning):
    """The very values that items of a kind have, all of them and no others: "only black and yellow items"."""

    attribute: str
    values: tuple[str, ...]
    kind: Kind

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", tuple(sorted(set(self.values))))

    def true_of(self, scene: Scene) -> bool:
        """Compare the sets of values."""
        wanted = {SIZES[value] if self.attribute == "size" else value for value in self.values}
        return wanted == {ATTRIBUTES[self.attribute](item) for item in self.kind.among_all(scene)}


@dataclass(frozen=True)
class Alike(Meaning):
    """A number of items of a kind with one value of an attribute: "three blocks of the same colour"; see `shared`."""

    attribute: str
    kind: Kind
    number: Number

    def true_of(self, scene: Scene) -> bool:
        """Count the items of each value."""
        values = Counter(ATTRIBUTES[self.attribute](item) for item in self.kind.among_all(scene))
        return shared(self.number, values.values())


@dataclass(frozen=True)
class Boxes(Meaning):
    """A number of boxes, or of towers, of which a statement is true: "Exactly two towers have a yellow base"."""

    thing: str
    has: Meaning
    number: Number

    def true_of(self, scene: Scene) -> bool:
        """Return True if the number of boxes of which the statement is true is admitted."""
        return self.number.admits(sum(self.has.true_of((box,)) for box in things(self.thing, scene)))


@dataclass(frozen=True)
class EachBox(Meaning):
    """A statement that is true of each box, or of each tower, of which there are some."""

    thing: str
    has: Meaning

    def true_of(self, scene: Scene) -> bool:
        """Return True if there are such boxes and the statement is true of each."""
        boxes = things(self.thing, scene)
        return bool(boxes) and all(self.has.true_of((box,)) for box in boxes)


@dataclass(frozen=True)
class Sharing(Meaning):
    """A number of boxes, or of towers, with one value of a feature: "Two towers have the same height"; see `shared`."""

    thing: str
    feature: str
    number: Number

    def true_of(self, scene: Scene) -> bool:
        """Count the boxes of each value."""
        values = Counter(FEATURES[self.feature](box) for box in things(self.thing, scene))
        return shared(self.number, values.values())


@dataclass(frozen=True)
class And(Meaning):
    """Statements that are all true."""

    parts: tuple[Meaning, ...]

    def true_of(self, scene: Scene) -> bool:
        """Return True if all statements are true."""
        return all(part.true_of(scene) for part in self.parts)


@dataclass(frozen=True)
class Or(Meaning):
    """Statements of which at least one is true."""

    parts: tuple[Meaning, ...]

    def true_of(self, scene: Scene) -> bool:
        """Return True if any statement is true."""
        return any(part.true_of(scene) for part in self.parts)


@dataclass(frozen=True)
class Untrue(Meaning):
    """The negation of a statement."""

    statement: Meaning

    def true_of(self, scene: Scene) -> bool:
        """Return True if the statement is false."""
        return not self.statement.true_of(scene)


def things(thing: str, scene: Scene) -> list[Box]:
    """List the boxes, or those that hold a tower for "tower"."""
    return [box for box in scene if thing == "box" or is_tower(box)]


def shared(number: Number, counts: Collection[int]) -> bool:
    """Test how many share a value, from the count of each: one admitted count is enough.

    "No" and "at most" speak of all values that two or more share: no two towers have the same height where each has
    its own.
    """
    if number.at_least:
        return any(number.admits(count) for count in counts)
    return all(number.admits(count) for count in counts if count > 1)
