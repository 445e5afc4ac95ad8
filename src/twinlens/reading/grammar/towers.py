"""Reading what is said of towers alone: "a yellow base", "three blocks tower", "two black blocks stacked together"."""

from __future__ import annotations

from twinlens.reading.grammar.kinds import BLOCK, ITEM
from twinlens.reading.grammar.rules import rule, same
from twinlens.reading.grammar.values import both, only
from twinlens.reading.meanings import SOME, At, Condition, Count, Kind, Meaning, Over, Palette, exactly


def placed(quality: Condition, place: At) -> Meaning:
    """State the kind of the block at a place of a tower."""
    return Count(BLOCK.that(quality, place), SOME)


def _stacked(count: int, kind: Kind) -> Meaning | None:
    """State that blocks of a kind stand on each other."""
    run = kind
    for _ in range(count - 1):
        run = kind.that(Over(run, directly=True))
    return Count(run, SOME) if count > 1 else None


def _both_lowest(kind: Kind) -> Meaning:
    return both(Count(kind.that(At("base")), SOME), Count(kind.that(At("second")), SOME))


RULES = [
    *rule("TOWER", "COLOUR tower", lambda colour: only(Kind((colour,)))),
    *rule("TOWER", "COLOUR and COLOUR tower", lambda one, other: Palette("colour", (one.value, other.value), ITEM)),
    *rule("TOWER", "NUM block tower", lambda count: Count(BLOCK, exactly(count))),
    *rule("TOWER", "tower with NUM block", lambda count: Count(BLOCK, exactly(count))),
    *rule("TOWER", "tower with exactly|only NUM block", lambda count: Count(BLOCK, exactly(count))),
    *rule("END", "[a|an|the] COLOUR PLACE", placed),
    *rule("END", "[the] PLACE [block] is COLOUR", lambda place, colour: placed(colour, place)),
    *rule("END", "[a|an|the] PLACE that is COLOUR", lambda place, colour: placed(colour, place)),
    *rule("END", "[a|an|the] PLACE being COLOUR", lambda place, colour: placed(colour, place)),
    *rule("STATEMENT", "END", same),
    *rule("STATEMENT", "only|just COLOUR PLACE", placed),
    *rule("STATEMENT", "two NAME as the base and second block", _both_lowest),
    *rule("STATEMENT", "[at least] NUM NAME stacked together", _stacked),
    *rule("STATEMENT", "NUM NAME attached with each other", _stacked),
]
