"""Meanings of sentences: a small algebra of frozen dataclasses that execute on a scene's items.

A `Condition` is met by an item within its box, a `Kind` is the items that meet several, and a `Meaning` is true of a
scene or of a single box.
"""

from twinlens.reading.meanings.base import NONE, SOME, Condition, Kind, Meaning, Number, exactly
from twinlens.reading.meanings.conditions import (
    At,
    AtEdge,
    Between,
    Either,
    Is,
    IsBlock,
    Not,
    Over,
    Touching,
    Under,
    Within,
)
from twinlens.reading.meanings.statements import (
    Alike,
    And,
    Boxes,
    Compare,
    Count,
    EachBox,
    Every,
    Or,
    Palette,
    Sharing,
    Untrue,
    Variety,
)

__all__ = [
    "NONE",
    "SOME",
    "Alike",
    "And",
    "At",
    "AtEdge",
    "Between",
    "Boxes",
    "Compare",
    "Condition",
    "Count",
    "EachBox",
    "Either",
    "Every",
    "Is",
    "IsBlock",
    "Kind",
    "Meaning",
    "Not",
    "Number",
    "Or",
    "Over",
    "Palette",
    "Sharing",
    "Touching",
    "Under",
    "Untrue",
    "Variety",
    "Within",
    "exactly",
]
