"""Reading conditions of items: "touching the wall", "at the top", "over a blue block", "not yellow"."""

from __future__ import annotations

from twinlens.reading.grammar.kinds import is_between_blocks, is_block
from twinlens.reading.grammar.rules import rule, same
from twinlens.reading.meanings import At, AtEdge, Between, Condition, Either, Not, Over, Touching, Under, Within


def _corner(side: str) -> Condition:
    return Either((AtEdge(f"top {side} corner"), AtEdge(f"bottom {side} corner")))


_QUALITIES = [
    *rule("PREDICATE", "COND", same),
    *rule("PREDICATE", "QUALITY [in color]", same),
    *rule("PREDICATE", "[a|an] SHAPE", same),
    *rule("PREDICATE", "not QUALITY", Not),
    *rule("PREDICATE", "not a|an SHAPE", Not),
    *rule("COND", "of QUALITY [color|size]", same),
    *rule("COND", "of SHAPE shape", same),
    *rule("COND", "not COND", Not),
    *rule("COND", "not being COND", Not),
    *rule("COND", "either COND or else COND", lambda one, other: Either((one, other))),
    *rule("COND", "in a box with HAS", Within),
    *rule("COND", "in a box LACKING", Within),
]

_EDGES = [
    *rule("SIDE", "edge|wall|side", lambda: "edge"),
    *rule("SIDE", "bottom|base [edge|base|wall|side]", lambda: "bottom"),
    *rule("SIDE", "top|roof [edge|wall|side]", lambda: "top"),
    *rule("SIDE", "right edge|wall|side", lambda: "right"),
    *rule("SIDE", "left edge|wall|side", lambda: "left"),
    *rule("SIDE", "[box] corner", lambda: "corner"),
    *(
        one
        for upright in ("bottom", "top")
        for flat in ("left", "right")
        for one in rule("SIDE", f"{upright} {flat} corner", lambda side=f"{upright} {flat} corner": side)
    ),
    *rule("OF_BOX", "of the|a|any|its [grey] box", lambda: 0),
    *rule("OF_BOX", "of the grey square", lambda: 0),  # "the top of the square" may be that of an item
    *rule("EDGE", "[the|a|an|any|its] SIDE [~OF_BOX]", AtEdge),
    *rule("EDGE", "[the|a|any] right corner [~OF_BOX]", lambda: _corner("right")),
    *rule("EDGE", "[the|a|any] left corner [~OF_BOX]", lambda: _corner("left")),
    *rule("COND", "[closely|nearly] touching|attached [to] EDGE", same),
    *rule("COND", "touching EDGE with its side", same),
    *rule("COND", "in EDGE", lambda edge: edge if "corner" in repr(edge) else None),
    *rule("COND", "away from EDGE", Not),
]

_PLACES = [
    *rule("PLACE", "top", lambda: At("top")),
    *rule("PLACE", "base|bottom [base]", lambda: At("base")),
    *rule("PLACE", "second [block|level|place|position] [from the base]", lambda: At("second")),
    *rule("PLACE", "third [block|level|place|position] [from the base]", lambda: At("third")),
    *rule("PLACE", "middle [block]", lambda: At("between")),
    *rule("PLACE", "second block|place from the top", lambda: At("below top")),
    *rule("COND", "at|on|in [the|its] PLACE", same),
    *rule("COND", "as [the|a|its] PLACE [block]", same),
    *rule("COND", "between the base and the top", lambda: At("between")),
]

_RELATIONS = [
    *rule("OVER", "over|above", lambda: False),
    *rule("OVER", "on [the] top of", lambda: False),
    *rule("OVER", "higher than", lambda: False),
    *rule("OVER", "right|directly over|above|on", lambda: True),
    *rule("OVER", "right|directly on [the] top of", lambda: True),
    *rule("UNDER", "below|under|beneath|underneath", lambda: False),
    *rule("UNDER", "lower than", lambda: False),
    *rule("UNDER", "right|directly below|under|beneath|underneath", lambda: True),
    *rule("COND", "OVER OTHER", lambda directly, kind: Over(kind, directly or is_block(kind))),
    *rule("COND", "on OTHER", lambda kind: Over(kind, directly=True) if is_block(kind) else None),
    *rule("COND", "UNDER OTHER", lambda directly, kind: Under(kind, directly or is_block(kind))),
    *rule("COND", "somewhere above OTHER", Over),
    *rule("COND", "somewhere below OTHER", Under),
    *rule("COND", "[closely|nearly] touching|attached [to|with] OTHER", Touching),
    *rule("COND", "[in] between APART", lambda between: between if is_between_blocks(between) else None),
    *rule("COND", "vertically between APART", same),
    *rule("APART", "a|an|the KIND and a|an|the KIND", Between),
    *rule("APART", "[a|the] [two] KIND", lambda kind: Between(kind, kind)),
    *rule("APART", "two KIND of [the] same color", lambda kind: Between(kind, kind, alike=True)),
]

RULES = [*_QUALITIES, *_EDGES, *_PLACES, *_RELATIONS]
