"""Reading kinds of item: "small blue circle touching the wall", "black block over a yellow block".

A NAME is the noun and what stands before it; a TAIL, one or more conditions, follows; OTHER is what a relation is to.
"""

from __future__ import annotations

from twinlens.reading.grammar.rules import Rule, rule, same
from twinlens.reading.meanings import (
    At,
    Between,
    Condition,
    Either,
    Is,
    IsBlock,
    Kind,
    Meaning,
    Not,
    Over,
    Under,
    Within,
)
from twinlens.reading.world import COLOURS, SHAPES, SIZES

ITEM, BLOCK = Kind(), Kind((IsBlock(),))


def is_block(kind: Kind) -> bool:
    """Test whether a kind is one of blocks; of these "over" means that they stand on each other."""
    return IsBlock() in kind.conditions


def is_between_blocks(between: Between) -> bool:
    """Test for "between two blocks", which are above and below; two circles may be at the left and the right."""
    return is_block(between.one) and is_block(between.other)


def noun(kind: Kind) -> Kind:
    """Return the kind of a noun alone: circles, where the kind is blue circles."""
    return Kind(tuple(part for part in kind.conditions if isinstance(part, IsBlock) or attributes(part) == {"shape"}))


def has_kind(condition: Condition) -> bool:
    """Test whether a condition has a kind or a statement of its own, as relations and places in a box have."""
    inner = condition.condition if isinstance(condition, Not) else condition
    return any(isinstance(value, Kind | Meaning) for value in vars(inner).values())


def attributes(condition: Condition) -> set[str]:
    """Return the attributes that a quality tells: {"colour"} of "black or blue"."""
    parts = condition.conditions if isinstance(condition, Either) else (condition,)
    return {part.attribute for part in parts if isinstance(part, Is)}


def _qualified(quality: Condition, kind: Kind) -> Kind | None:
    """Restrict a kind by a quality; "blue yellow circle" is not read."""
    told = [attributes(part) for part in kind.conditions]
    return None if attributes(quality) in told else kind.that(quality)


def _value(symbol: str, attribute: str, value: str) -> list[Rule]:
    return rule(symbol, value, lambda: Is(attribute, value))


def _differing(colour: Is) -> Kind:
    return BLOCK.that(Not(colour))


def _with_tail(kind: Kind, tail: tuple[Condition, ...]) -> Kind | None:
    """Restrict a kind by what follows; towers have no circle, so that "a circle at the top of a tower" is not read."""
    shapes = {part.value for part in kind.conditions if isinstance(part, Is) and part.attribute == "shape"}
    return None if IsBlock() in tail and shapes - {"square"} else kind.that(*tail)


_WORDS = [
    *(one for colour in COLOURS for one in _value("COLOUR", "colour", colour)),
    *(one for shape in SHAPES for one in _value("SHAPE", "shape", shape)),
    *(one for size in SIZES for one in _value("SIZE", "size", size)),
    *rule("QUALITY", "COLOUR [color]", same),
    *rule("QUALITY", "SIZE [size]", same),
    *rule("QUALITY", "COLOUR or COLOUR", lambda one, other: Either((one, other))),
    *rule("ATTRIBUTE", "color", lambda: "colour"),
    *rule("ATTRIBUTE", "shape", lambda: "shape"),
    *rule("ATTRIBUTE", "size", lambda: "size"),
]

_NAMES = [
    *rule("NOUN", "item", lambda: ITEM),
    *rule("NOUN", "block", lambda: BLOCK),
    *rule("NOUN", "SHAPE [item]", lambda shape: Kind((shape,))),
    *rule("NOUN", "SHAPE block", lambda shape: BLOCK.that(shape)),
    *rule("NAME", "NOUN", same),
    *rule("NAME", "QUALITY NAME", _qualified),
    # Slips that stand in the corpus: "a yellow black at the top", "a block block".
    *rule("NAME", "COLOUR black", lambda colour: BLOCK.that(colour)),
    *rule("NAME", "block block", lambda: BLOCK.that(Is("colour", "black"))),
]

_KINDS = [
    *rule("KIND", "NAME", same),
    *rule("KIND", "NAME TAIL", _with_tail),
    *rule(
        "KIND",
        "COLOUR block ~UNDER a different color block",
        lambda colour: BLOCK.that(colour, Under(_differing(colour), directly=True)),
    ),
    *rule(
        "KIND",
        "COLOUR block ~OVER [the] base block of different color",
        lambda colour: BLOCK.that(colour, Over(_differing(colour).that(At("base")), directly=True)),
    ),
    *rule("AFTER", "[,] [that|which|than|but] COND", same),
    *rule("AFTER", "[,] that|which|than|but is PREDICATE", same),
    *rule("TAIL", "AFTER", lambda condition: (condition,)),
    *rule("TAIL", "AFTER [and] TAIL", lambda condition, tail: (condition, *tail)),
    *rule("TAIL", "[,] [that|which is] at|as|on [the|its] PLACE of OWNER", lambda place, owner: (place, *owner)),
    *rule("OWNER", "a|the|it tower", lambda: (IsBlock(),)),
    *rule("OWNER", "a|the tower with|has HAS", lambda has: (Within(has),)),
    *rule("OWNER", "a|the tower LACKING", lambda has: (Within(has),)),
    *rule("OWNER", "a|the TOWER", lambda has: (Within(has),)),
    *rule("OTHER", "[a|an|the|other|another|any] KIND", same),
    *rule("OTHER", "[the] top block", lambda: BLOCK.that(At("top"))),
    *rule("OTHER", "[the] base block", lambda: BLOCK.that(At("base"))),
    *rule("OTHER", "the base of a tower", lambda: BLOCK.that(At("base"))),
]

RULES = [*_WORDS, *_NAMES, *_KINDS]
