"""Meanings drawn at random in which quantifiers, conditions and relations are crossed: what the network is taught."""

from __future__ import annotations

import numpy as np

from twinlens.reading.drawing import BLOCK, SIDES, VALUES, Drawer
from twinlens.reading.meanings import (
    NONE,
    Alike,
    And,
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
    exactly,
)
from twinlens.reading.meanings.statements import FEATURES


class Crossing:
    """A source of random meanings; each part is drawn without regard to what surrounds it."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.draw = Drawer(rng)

    def statement(self) -> Meaning:
        """Draw a statement about a picture."""
        draw = self.draw
        if draw.chance(0.1):
            parts = (self.clause(), self.clause())
            return draw.pick((And(parts), And(parts), Or(parts), Untrue(parts[0])))
        return self.clause()

    def clause(self) -> Meaning:
        """Draw a statement about items, or about boxes or towers."""
        draw = self.draw
        tower = draw.chance(0.25)
        if draw.chance(0.15):
            return Every(self.kind(tower=tower), self.predicate(tower=tower))
        if draw.chance(0.4):
            return self.content(tower=tower)
        if draw.chance(0.05):
            return Sharing(draw.pick(("box", "tower")), draw.pick(tuple(FEATURES)), draw.count((2, 3)))
        thing = draw.pick(("box", "tower"))
        has = self.contents(tower=thing == "tower")
        if draw.chance(0.35):
            return EachBox(thing, Untrue(has) if draw.chance(0.5) else has)
        return Boxes(thing, has, draw.boxes())

    def contents(self, *, tower: bool) -> Meaning:
        """Draw the contents of a box or a tower: one, or sometimes two that are joined."""
        draw, one = self.draw, self.content(tower=tower)
        if draw.chance(0.65):
            return one
        other = self.content(tower=tower)
        return draw.pick((And((one, other)), And((one, other)), And((one, other)), Or((one, other)), Untrue(one)))

    def content(self, *, tower: bool) -> Meaning:
        """Draw a statement about items or about blocks."""
        draw = self.draw
        attribute = draw.pick(("colour", "colour", "size") if tower else ("colour", "colour", "shape", "size"))
        plain = BLOCK if tower and draw.chance(0.5) else Kind()
        kind = self.kind(tower=tower)
        if draw.chance(0.45):
            return Count(kind, self.number())
        match draw.pick((*["every"] * 3, *["compare"] * 3, "variety", "palette", "alike", "all", "only")):
            case "every":
                return Every(kind, self.predicate(tower=tower))
            case "compare":
                return Compare(kind, self.kind(tower=tower))
            case "variety":
                return Variety(attribute, plain, exactly(draw.pick((1, 2, 3))))
            case "palette":
                values = tuple(draw.rng.permutation(VALUES[attribute])[:2].tolist())
                return Palette(attribute, values, plain)
            case "alike":
                return Alike(attribute, plain, draw.count((2, 3, 4)))
            case "all":
                return Count(BLOCK if tower else Kind(), self.number(7))
        return Every(Kind(), self.simple(tower=tower))

    def number(self, most: int = 5) -> Number:
        """Draw an amount, sometimes none."""
        return NONE if self.draw.chance(0.15) else self.draw.number(most)

    def simple(self, *, tower: bool) -> Kind:
        """Draw a kind by its attributes, each of them there or not without regard to the others."""
        if tower:
            return self.draw.block()
        shares = {"colour": 0.5, "shape": 0.5, "size": 0.25}
        named = [name for name, share in shares.items() if self.draw.chance(share)]
        return Kind(tuple(Is(name, self.draw.pick(VALUES[name])) for name in named))

    def kind(self, *, tower: bool) -> Kind:
        """Draw a kind, in half of the cases with a condition."""
        kind = self.simple(tower=tower)
        if self.draw.chance(0.5):
            kind = kind.that(self.condition(tower=tower))
        return kind

    def predicate(self, *, tower: bool) -> Kind:
        """Draw what all items of a kind are: of an attribute, of a kind, or as a condition has them."""
        draw = self.draw
        if draw.chance(0.4):
            name = draw.pick(("colour", "size") if tower else tuple(VALUES))
            one: Condition = Is(name, draw.pick(VALUES[name]))
            return Kind((Not(one) if draw.chance(0.5) else one,))
        return Kind((self.condition(tower=tower, edges=1),)) if draw.chance(0.8) else self.simple(tower=tower)

    def condition(self, *, tower: bool, edges: int = 4) -> Condition:
        """Draw a condition, negated in two of five cases; `edges`: how often an edge is drawn for each other one."""
        draw = self.draw
        one = self._of_block() if tower else self._of_item(edges)
        return Not(one) if draw.chance(0.4) and not isinstance(one, Not) else one

    def _of_block(self) -> Condition:
        draw = self.draw
        other, directly = self.simple(tower=True), draw.chance(0.85)
        where = draw.pick(("at", "at", "at", "over", "under", "between", "within", "colour"))
        match where:
            case "at":
                return draw.place()
            case "over":
                return Over(other, directly)
            case "under":
                return Under(other, directly)
            case "between":
                return Between(other, self.simple(tower=True))
            case "within":
                return Within(Count(BLOCK, draw.count(range(1, 5))))
        return draw.colour()

    def _of_item(self, edges: int) -> Condition:
        draw = self.draw
        other = self.simple(tower=False)
        match draw.pick((*["edge"] * edges, "touching", "touching", "over", "under", "either", "is")):
            case "edge":
                return AtEdge(draw.pick(SIDES))
            case "touching":
                return Touching(other)
            case "over":
                return Over(other)
            case "under":
                return Under(other)
            case "either":
                one, two = draw.rng.permutation(VALUES["colour"])[:2].tolist()
                return Either((Is("colour", one), Is("colour", two)))
        name = draw.pick(tuple(VALUES))
        return Is(name, draw.pick(VALUES[name]))
