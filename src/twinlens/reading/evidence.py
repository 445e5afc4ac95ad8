"""Evidence for a sentence: the statements that it is made of, each with its truth in a scene and what was counted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from twinlens.core.types import TwinlensError
from twinlens.reading.grammar.say import say
from twinlens.reading.meanings import And, Boxes, Count, Meaning, Or, Untrue
from twinlens.reading.meanings.statements import things
from twinlens.reading.world import Scene


class Fact(NamedTuple):
    """A statement in words, whether it is true, and the number of items or boxes that it counts; None for others."""

    says: str
    true: bool
    found: int | None


def facts(meaning: Meaning, scene: Scene) -> list[Fact]:
    """Return the statements that decide a sentence's truth; those that there are no words for are left out."""
    found = list[Fact]()
    for part in _statements(meaning):
        try:
            found.append(Fact(say(part), part.true_of(scene), _counted(part, scene)))
        except TwinlensError:
            continue
    return found


def _statements(meaning: Meaning) -> Iterator[Meaning]:
    """Yield the statements below conjunctions, disjunctions and negations."""
    match meaning:
        case And(parts) | Or(parts):
            for part in parts:
                yield from _statements(part)
        case Untrue(statement):
            yield from _statements(statement)
        case _:
            yield meaning


def _counted(meaning: Meaning, scene: Scene) -> int | None:
    match meaning:
        case Count(kind, _):
            return len(kind.among_all(scene))
        case Boxes(thing, has, _):
            return sum(has.true_of((box,)) for box in things(thing, scene))
    return None
