"""Properties of boxes; each docstring has an example that follows "There is a box with"."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from twinlens.reading.table import Mask, Table, number
from twinlens.reading.world import SHAPES
from twinlens.shapes.sentences.grammar import Speaker, Trait, kinds, related


def holding(say: Speaker) -> Trait:
    """Require a count of a kind: "two black items"."""
    amount, noun = say.amount(3), say.noun()
    return Trait(amount.of(noun), lambda t: amount.admits(noun.per_box(t)))


def item_count(say: Speaker) -> Trait:
    """Require a count of all items: "exactly four items"."""
    amount, noun = say.amount(5), say.kind()
    return Trait(amount.of(noun), lambda t: amount.admits(noun.per_box(t)))


def colours(say: Speaker) -> Trait:
    """Require a number of colours: "items of exactly two different colours"."""
    count = say.between(1, 3)
    words = {1: "items of only one colour", 3: "items of all three colours"}.get(
        count, f"items of exactly {say.number(count)} {say.pick('different ', '')}colours"
    )
    return Trait(words, lambda t: kinds(t.colour) == count)


def shapes(say: Speaker) -> Trait:
    """Require a number of shapes: "items of all three shapes"."""
    count = say.between(1, 3)
    words = {1: "items of only one shape", 3: "items of all three shapes"}.get(
        count, f"items of exactly {say.number(count)} {say.pick('different ', '')}shapes"
    )
    return Trait(words, lambda t: kinds(t.shape) == count)


def only(say: Speaker) -> Trait:
    """Require a single kind: "only blue items"."""
    noun = say.noun(sized=False)
    words = say.pick(f"only {noun.many}", f"{noun.many} only", f"nothing but {noun.many}")
    return Trait(words, lambda t: (noun.per_box(t) > 0) & (noun.per_box(t) == number(t.occupied, 2)))


def alike(say: Speaker) -> Trait:
    """Require a shared attribute: "two or more items, all of the same colour"."""
    what = say.pick("colour", "shape", "size")
    words = say.pick(f"two or more items, all of the same {what}", f"at least two items, which share their {what}")
    return Trait(words, lambda t: (number(t.occupied, 2) > 1) & _alike(t, getattr(t, what)))


def pair(say: Speaker) -> Trait:
    """Require two kinds: "a blue circle and a blue triangle"."""
    kinds = [(colour, shape) for colour in say.two_colours() for shape in SHAPES]
    chosen = [kinds[place] for place in say.rng.permutation(len(kinds))[:2].tolist()]
    first, second = (say.kind(colour=colour, shape=shape) for colour, shape in chosen)
    words = f"{say.pick('a', 'at least one')} {first.one} and {say.pick('a', 'at least one')} {second.one}"
    return Trait(words, lambda t: (first.per_box(t) > 0) & (second.per_box(t) > 0))


def above(say: Speaker) -> Trait:
    """Require a kind above another, without overlap in height: "a black item above a yellow item"."""
    high, low = say.noun(sized=False), say.noun(sized=False)
    words = say.pick(
        f"a {high.one} {say.pick('above', 'higher than')} a {low.one}",
        f"a {low.one} {say.pick('below', 'lower than')} a {high.one}",
    )
    return Trait(words, lambda t: related(t.above, high.items(t), low.items(t)))


def against_wall(say: Speaker) -> Trait:
    """Require a count of items at an edge: "a black item touching the wall"."""
    noun = say.noun().that(say.pick("touching the wall", "touching the edge"), lambda t: t.at_edge)
    amount = say.amount(2)
    return Trait(amount.of(noun), lambda t: amount.admits(noun.per_box(t)))


def size_and_item(say: Speaker) -> Trait:
    """Require a count and one kind: "exactly three items, exactly one of them a black circle"."""
    count, noun = say.between(2, 4), say.noun()
    words = f"exactly {say.number(count)} items, exactly one of them a {noun.one}"
    return Trait(words, lambda t: (number(t.occupied, 2) == count) & (noun.per_box(t) == 1))


def _alike(table: Table, values: NDArray[np.int16]) -> Mask:
    """Test whether the items of a box share a value (N, 3)."""
    # Places without an item must decide neither the lowest nor the highest value.
    lowest = np.where(table.occupied, values, np.iinfo(np.int16).max).min(2, initial=np.iinfo(np.int16).max)
    highest = values.max(2, initial=-1)
    return np.asarray(lowest == highest)
