"""Properties of towers; each docstring has an example that follows "There is a tower with"."""

from __future__ import annotations

import numpy as np

from twinlens.reading.table import COLOUR_CODES, Counts, Mask, Table, some
from twinlens.shapes.scenes import pick
from twinlens.shapes.sentences.grammar import Speaker, Trait, kinds, related


def height(say: Speaker) -> Trait:
    """Require a height: "exactly three blocks"."""
    amount, noun = say.amount(4), say.block()
    return Trait(amount.of(noun), lambda t: amount.admits(t.height))


def blocks(say: Speaker) -> Trait:
    """Require a count of one colour: "at least two blue blocks"."""
    amount, noun = say.amount(3), say.block(say.colour())
    return Trait(amount.of(noun), lambda t: amount.admits(noun.per_box(t)))


def top(say: Speaker) -> Trait:
    """Require a colour at the top: "a blue block at the top"."""
    colour = say.colour()
    words = say.pick(f"a {colour} block at the top", f"a {colour} top", f"a {colour} block as its top")
    return Trait(words, lambda t: _at_level(t, t.height, colour))


def base(say: Speaker) -> Trait:
    """Require a colour at the base: "a yellow block at the base"."""
    colour = say.colour()
    words = say.pick(f"a {colour} block at the base", f"a {colour} base", f"a {colour} block as its base")
    return Trait(words, lambda t: _at_level(t, np.ones_like(t.height), colour))


def second(say: Speaker) -> Trait:
    """Require a colour at a level: "a blue block in the second place from the base"."""
    colour, level = say.colour(), say.between(2, 3)
    place = {2: "second", 3: "third"}[level]
    words = say.pick(f"a {colour} {place} block from the base", f"a {colour} block in the {place} place from the base")
    return Trait(words, lambda t: _at_level(t, np.full_like(t.height, level), colour))


def block_colours(say: Speaker) -> Trait:
    """Require a number of colours: "blocks of all three colours"."""
    number = say.between(1, 3)
    words = {
        1: say.pick("blocks of only one colour", "blocks of the same colour only"),
        2: "blocks of exactly two colours",
        3: "blocks of all three colours",
    }[number]
    return Trait(words, lambda t: kinds(t.colour) == number)


def only_blocks(say: Speaker) -> Trait:
    """Require a single colour: "only yellow blocks"."""
    noun = say.block(say.colour())
    words = say.pick(f"only {noun.many}", f"{noun.many} only", f"nothing but {noun.many}")
    return Trait(words, lambda t: noun.per_box(t) == t.height)


def stacked(say: Speaker) -> Trait:
    """Require one colour on another: "a black block directly above a blue block"."""
    high, low = say.block(say.colour()), say.block(say.colour())
    words = say.pick(
        f"a {high.one} directly above a {low.one}",
        f"a {high.one} right on top of a {low.one}",
        f"a {low.one} directly below a {high.one}",
    )
    return Trait(words, lambda t: related(t.stacked, high.items(t), low.items(t)))


def height_and_end(say: Speaker) -> Trait:
    """Require a height and a colour at an end: "exactly three blocks and a blue block at the top"."""
    count, end = say.between(1, 4), pick(say.rng, (top, base))(say)
    words = f"{say.pick('exactly ', '')}{say.number(count)} block{'s' if count > 1 else ''} and {end.words}"
    return Trait(words, lambda t: (t.height == count) & end.boxes(t))


def _at_level(table: Table, level: Counts, colour: str) -> Mask:
    """Test whether the block at a level (N, 3), counted from 1 at the base, has a colour (N, 3)."""
    at_level = (table.level == level[..., None]) & (table.level > 0)
    return some(at_level & (table.colour == COLOUR_CODES[colour]), 2)
