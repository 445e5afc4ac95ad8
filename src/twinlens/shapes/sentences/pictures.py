"""Families of sentences about the whole picture; each docstring has an example."""

from __future__ import annotations

import numpy as np

from twinlens.reading.table import Counts, Mask, Table, number, some
from twinlens.reading.world import BOXES, SHAPES, SIZES
from twinlens.shapes.scenes import pick
from twinlens.shapes.sentences.grammar import Amount, Noun, Sentence, Speaker


def count(say: Speaker) -> Sentence:
    """State a count of items: "There are exactly two yellow squares"."""
    return _exists("count", say, say.amount(4), say.noun(sized=False))


def sized(say: Speaker) -> Sentence:
    """State a count of items of one size: "There is a small black circle"."""
    return _exists("sized", say, say.amount(3), say.noun(sized=True))


def blocks(say: Speaker) -> Sentence:
    """State a count of blocks: "There are at least three blue blocks"."""
    return _exists("blocks", say, say.amount(5), say.block(say.colour()))


def absent(say: Speaker) -> Sentence:
    """State that a kind is absent: "There is no black circle"."""
    noun = say.noun()
    text = say.pick(f"There is no {noun.one}.", f"There are no {noun.many}.", f"None of the items is a {noun.one}.")
    return Sentence("absent", text, lambda t: noun.number(t) == 0)


def touching_edge(say: Speaker) -> Sentence:
    """State a count of items at an edge: "There are exactly three blue squares touching the edge"."""
    words = say.pick("touching the edge", "touching an edge", "touching the wall", "touching a wall")
    return _exists("touching_edge", say, say.amount(3), say.noun().that(words, lambda t: t.at_edge))


def touching_corner(say: Speaker) -> Sentence:
    """State a count of items in a corner: "There is a triangle closely touching a corner"."""
    words = say.pick("touching the corner", "closely touching a corner", "in a corner of a box")
    return _exists("touching_corner", say, say.amount(2), say.noun().that(words, lambda t: t.in_corner))


def touching_side(say: Speaker) -> Sentence:
    """State a count of items at one side: "There is a black item touching the bottom of a box"."""
    side = say.pick("top", "bottom", "left", "right")
    part = say.pick(side, f"{side} edge") if side in ("top", "bottom") else say.pick(f"{side} wall", f"{side} edge")
    words = f"{say.pick('touching', 'closely touching')} the {part} of a box"
    return _exists("touching_side", say, say.amount(3), say.noun().that(words, lambda t: t.touching[side]))


def not_touching(say: Speaker) -> Sentence:
    """State a count of items away from edges: "There are exactly two blue squares not touching any edge"."""
    words = say.pick("not touching any edge", "not touching the edge", "not touching a wall", "away from the walls")
    return _exists("not_touching", say, say.amount(3), say.noun().that(words, lambda t: ~t.at_edge))


def none_touching(say: Speaker) -> Sentence:
    """State that a kind is away from edges: "None of the blue circles are touching any edge"."""
    noun = say.noun()
    text = say.pick(
        f"None of the {noun.many} are touching any edge.",
        f"None of the {noun.many} touch a wall.",
        f"All {noun.many} keep off the edges.",
    )
    return Sentence("none_touching", text, lambda t: _some_and_all(noun.items(t), ~t.at_edge))


def all_touching(say: Speaker) -> Sentence:
    """State that a kind is at edges: "All black triangles are touching the edge"."""
    noun = say.noun()
    text = say.pick(
        f"All {noun.many} are touching the edge.",
        f"Every {noun.one} touches an edge.",
        f"Each {noun.one} is touching a wall.",
    )
    return Sentence("all_touching", text, lambda t: _some_and_all(noun.items(t), t.at_edge))


def all_coloured(say: Speaker) -> Sentence:
    """State the colour of a kind: "All circles are yellow"."""
    colour, shape = say.colour(), pick(say.rng, SHAPES)
    noun, coloured = say.kind(shape=shape), say.kind(colour=colour)
    text = say.pick(f"All {noun.many} are {colour}.", f"Every {shape} is {colour}.", f"Each {shape} is {colour}.")
    return Sentence("all_coloured", text, lambda t: _some_and_all(noun.items(t), coloured.items(t)))


def all_shaped(say: Speaker) -> Sentence:
    """State the shape of a kind: "All yellow items are circles"."""
    noun, shaped = say.kind(colour=say.colour()), say.kind(shape=pick(say.rng, SHAPES))
    text = say.pick(f"All {noun.many} are {shaped.many}.", f"Every {noun.one} is a {shaped.one}.")
    return Sentence("all_shaped", text, lambda t: _some_and_all(noun.items(t), shaped.items(t)))


def all_sized(say: Speaker) -> Sentence:
    """State the size of a kind: "All squares are small"."""
    noun, size = say.noun(sized=False), pick(say.rng, tuple(SIZES))
    text = say.pick(f"All {noun.many} are {size}.", f"Every {noun.one} is {size}.", f"Each {noun.one} is {size}.")
    return Sentence("all_sized", text, lambda t: _some_and_all(noun.items(t), t.size == SIZES[size]))


def compared(say: Speaker) -> Sentence:
    """Compare the counts of two kinds: "There are more yellow items than blue circles"."""
    more, less = say.noun(), say.noun()
    text = say.pick(f"There are more {more.many} than {less.many}.", f"There are fewer {less.many} than {more.many}.")
    return Sentence("compared", text, lambda t: more.number(t) > less.number(t))


def together(say: Speaker) -> Sentence:
    """State that two or more of a kind share a box: "All blue items are in the same box"."""
    noun = say.noun()
    text = say.pick(
        f"All {noun.many} are in the same box.",
        f"The {noun.many} are all together in one box.",
        f"There are two or more {noun.many}, all in one box.",
    )
    return Sentence("together", text, lambda t: (noun.number(t) > 1) & (number(noun.per_box(t) > 0, 1) == 1))


def spread(say: Speaker) -> Sentence:
    """State the number of boxes with a kind: "There are blue items in exactly two boxes"."""
    noun = say.noun()
    places = say.between(1, len(BOXES))
    where = {1: "only one box", 2: "exactly two boxes", 3: "all three boxes"}[places]
    text = say.pick(f"There are {noun.many} in {where}.", f"{noun.many.capitalize()} appear in {where}.")
    return Sentence("spread", text, lambda t: number(noun.per_box(t) > 0, 1) == places)


def tower_heights(say: Speaker) -> Sentence:
    """State how many heights towers have: "Exactly two towers have the same height"."""
    different = say.between(1, 3)
    text = {
        1: say.pick("All towers have the same height.", "The three towers are equally high."),
        2: say.pick("Exactly two towers have the same height.", "Only two of the towers are equally high."),
        3: say.pick("All towers differ in height.", "No two towers have the same height."),
    }[different]
    return Sentence("tower_heights", text, lambda t: _heights(t) == different)


def _exists(family: str, say: Speaker, amount: Amount, noun: Noun) -> Sentence:
    """State the amount of a kind: "There are …"."""
    what = amount.of(noun)
    text = f"There {'are' if amount.plural else 'is'} {what}."
    return Sentence(family, say.pick(text, text, f"The picture shows {what}."), lambda t: amount.admits(noun.number(t)))


def _some_and_all(items: Mask, condition: Mask) -> Mask:
    """Test that there are such items and all of them meet the condition (N,)."""
    return some(items, 1, 2) & ~some(items & ~condition, 1, 2)


def _heights(table: Table) -> Counts:
    """Count the different heights of the three towers (N,); 0 where a box has no tower."""
    height = np.sort(table.height, axis=1)
    different = 1 + number(np.diff(height, axis=1) > 0, 1)
    return np.where(height[:, 0] > 0, different, 0)
