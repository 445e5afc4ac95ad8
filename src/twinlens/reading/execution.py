"""Execution of meanings on thousands of scenes at once; a property test holds it equal to `Meaning.true_of`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from twinlens.reading.meanings import (
    Alike,
    And,
    At,
    AtEdge,
    Between,
    Boxes,
    Compare,
    Condition,
    Count,
    EachBox,
    Either,
    Every,
    Is,
    IsBlock,
    Kind,
    Meaning,
    Not,
    Number,
    Or,
    Over,
    Palette,
    Sharing,
    Touching,
    Under,
    Untrue,
    Variety,
    Within,
)
from twinlens.reading.meanings.conditions import SIDES
from twinlens.reading.table import COLOUR_CODES, SHAPE_CODES, Counts, Mask, Table, number
from twinlens.reading.world import BOX, NEAR, SIZES

CODES = {"colour": COLOUR_CODES, "shape": SHAPE_CODES, "size": SIZES}
"""Attribute → its values → their codes in a table."""


class Execution:
    """Truth of meanings on the N scenes of a table; masks of conditions are computed once."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self._masks: dict[Condition, Mask] = {}

    def truths(self, meanings: Sequence[Meaning]) -> Mask:
        """Execute F meanings: (N, F)."""
        columns = np.empty((len(self.table.occupied), len(meanings)), dtype=np.bool_)
        for place, meaning in enumerate(meanings):
            columns[:, place] = self.truth(meaning)
        return columns

    def truth(self, meaning: Meaning) -> Mask:
        """Execute a meaning: (N,). Raises TypeError for one that is not known here."""
        match meaning:
            case And(parts):
                return self._all([self.truth(part) for part in parts])
            case Or(parts):
                return np.asarray(np.any([self.truth(part) for part in parts], axis=0))
            case Untrue(statement):
                return ~self.truth(statement)
            case Boxes(thing, has, amount):
                return _admits(amount, number(self._things(thing) & self._of_boxes(has), 1))
            case EachBox(thing, has):
                things = self._things(thing)
                return np.asarray(things.any(axis=1) & ~(things & ~self._of_boxes(has)).any(axis=1))
            case Sharing(thing, feature, amount):
                return _shared(amount, self._alike(thing, feature))
        return self._of_items(meaning)

    def items(self, kind: Kind) -> Mask:
        """Mark the items of a kind (N, B, M)."""
        mask = self.table.occupied
        for condition in kind.conditions:
            mask = mask & self._condition(condition)
        return mask

    def _of_items(self, meaning: Meaning) -> Mask:
        match meaning:
            case Count(kind, amount):
                return _admits(amount, number(self.items(kind), 1, 2))
            case Every(kind, are):
                items = self.items(kind)
                return np.asarray(items.any(axis=(1, 2)) & ~(items & ~self.items(are)).any(axis=(1, 2)))
            case Compare(more, less):
                return np.asarray(number(self.items(more), 1, 2) > number(self.items(less), 1, 2))
            case Variety(attribute, kind, amount):
                return _admits(amount, (self._per_value(attribute, kind) > 0).sum(axis=0))
            case Palette(attribute, values, kind):
                wanted = np.array([value in values for value in CODES[attribute]])
                return np.asarray(((self._per_value(attribute, kind) > 0) == wanted[:, None]).all(axis=0))
            case Alike(attribute, kind, amount):
                return _shared(amount, self._per_value(attribute, kind).T)
        raise TypeError(f"no execution of {type(meaning).__name__}")

    def _condition(self, condition: Condition) -> Mask:
        if condition not in self._masks:
            self._masks[condition] = self._attribute(condition)
        return self._masks[condition]

    def _attribute(self, condition: Condition) -> Mask:
        match condition:
            case Is(attribute, value):
                return np.asarray(getattr(self.table, attribute) == CODES[attribute][value])
            case IsBlock():
                return np.broadcast_to((self.table.height > 0)[..., None], self.table.occupied.shape)
            case AtEdge(side):
                return np.asarray(np.any([self._touches(edges) for edges in SIDES[side]], axis=0))
            case At(place):
                return PLACES[place](self.table)
            case Within(statement):
                return np.broadcast_to(self._of_boxes(statement)[..., None], self.table.occupied.shape)
            case Not(inner):
                return ~self._condition(inner)
            case Either(conditions):
                return np.asarray(np.any([self._condition(inner) for inner in conditions], axis=0))
        return self._relation(condition)

    def _relation(self, condition: Condition) -> Mask:
        match condition:
            case Over(kind, directly):
                return _meets(self._over(directly), self.items(kind))
            case Under(kind, directly):
                return _meets(self._over(directly).swapaxes(-1, -2), self.items(kind))
            case Touching(kind):
                close = np.maximum(*self.table.gaps) <= NEAR
                return _meets(close & self.table.pairs, self.items(kind))
            case Between(one, other, alike):
                colours = [self.table.colour == code for code in COLOUR_CODES.values()]
                masks = colours if alike else [self.table.occupied]
                return np.asarray(
                    np.any([self._between(self.items(one), self.items(other), mask) for mask in masks], axis=0)
                )
        raise TypeError(f"no execution of {type(condition).__name__}")

    def _between(self, one: Mask, other: Mask, among: Mask) -> Mask:
        """Mark the items (N, B, M) with one of either mask directly above and one of the other directly below."""
        below, above = self._over(True), self._over(True).swapaxes(-1, -2)
        one, other = one & among, other & among
        return (_meets(above, one) & _meets(below, other)) | (_meets(above, other) & _meets(below, one))

    def _over(self, directly: bool) -> Mask:
        return self.table.directly_above if directly else self.table.above

    def _touches(self, edges: tuple[str, ...]) -> Mask:
        """Mark the items that touch one of the edges and come within NEAR pixels of the others."""
        table = self.table
        right, bottom = BOX - table.x - table.size, BOX - table.y - table.size
        distance = {"left": table.x, "right": right, "top": table.y, "bottom": bottom}
        distances = np.stack([distance[edge] for edge in edges])
        return np.asarray((distances.min(axis=0) <= 0) & (distances.max(axis=0) <= NEAR))

    def _per_value(self, attribute: str, kind: Kind) -> Counts:
        """Count the items of a kind with each value of an attribute: (values, N)."""
        items, column = self.items(kind), getattr(self.table, attribute)
        return np.stack([number(items & (column == code), 1, 2) for code in CODES[attribute].values()])

    def _things(self, thing: str) -> Mask:
        """Mark the boxes, or those that hold a tower: (N, B)."""
        return np.ones(self.table.height.shape, dtype=np.bool_) if thing == "box" else self.table.height > 0

    def _of_boxes(self, statement: Meaning) -> Mask:
        """Execute a statement on each box alone: (N, B)."""
        return self._alone.truth(statement).reshape(self.table.height.shape)

    @cached_property
    def _alone(self) -> Execution:
        return Execution(self.table.boxes_alone)

    def _alike(self, thing: str, feature: str) -> Counts:
        """Count for each box or tower those with its value of a feature: (N, B), 0 for what is none."""
        things, values = self._things(thing), FEATURES[feature](self.table)
        same = (values[:, :, None] == values[:, None, :]) & things[:, :, None] & things[:, None, :]
        return np.asarray(same.sum(axis=2))

    def _all(self, truths: list[Mask]) -> Mask:
        return np.asarray(np.all([np.ones(len(self.table.occupied), dtype=np.bool_), *truths], axis=0))


def _admits(amount: Number, counts: Counts) -> Mask:
    """Test each count: True where it is admitted."""
    return (counts >= amount.at_least) & (True if amount.at_most is None else counts <= amount.at_most)


def _shared(amount: Number, counts: Counts) -> Mask:
    """Test counts of values (N, V) as `meanings.statements.shared` does."""
    admitted = _admits(amount, counts)
    if amount.at_least:
        return np.asarray(admitted.any(axis=1))
    return np.asarray((admitted | (counts < 2)).all(axis=1))


def _meets(relation: Mask, others: Mask) -> Mask:
    """Mark the items (N, B, M) that stand in a relation (N, B, M, M) to one of the others (N, B, M)."""
    return np.asarray((relation & others[..., None, :]).any(axis=-1))


def _colours_of(table: Table, items: Mask) -> Counts:
    """Number the multisets of colours of some items of each box (N, B)."""
    room = table.occupied.shape[-1] + 1
    counts = [number(items & (table.colour == code), 2) for code in COLOUR_CODES.values()]
    return np.asarray(sum(count * room**place for place, count in enumerate(counts)))


def _colour_set(table: Table) -> Counts:
    """Number the sets of colours of each box (N, B)."""
    found = [(table.colour == code).any(axis=2) for code in COLOUR_CODES.values()]
    return np.asarray(sum(mask * 2**place for place, mask in enumerate(found)))


PLACES: dict[str, Callable[[Table], Mask]] = {
    "top": lambda table: table.items_above == 0,
    "base": lambda table: table.items_below == 0,
    "second": lambda table: table.items_below == 1,
    "third": lambda table: table.items_below == 2,
    "below top": lambda table: table.items_above == 1,
    "between": lambda table: (table.items_above > 0) & (table.items_below > 0),
}
"""Places of `meanings.conditions.PLACES` on a table: (N, B, M)."""
FEATURES: dict[str, Callable[[Table], NDArray[np.int64]]] = {
    "height": lambda table: number(table.occupied, 2),
    "base": lambda table: _colours_of(table, table.occupied & PLACES["base"](table)),
    "second": lambda table: _colours_of(table, table.occupied & PLACES["second"](table)),
    "top": lambda table: _colours_of(table, table.occupied & PLACES["top"](table)),
    "colours": _colour_set,
}
"""Features of `meanings.statements.FEATURES` on a table: (N, B)."""
