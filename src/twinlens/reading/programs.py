"""Meanings as rows of symbols, both ways: what a network writes, and which symbols it may write next.

A symbol is the name of a class with its words ("Boxes:tower", "Is:colour:blue", "Number:2:2"); the symbols of its parts
follow it in the order of their fields, and END closes a part that may have any length. A `Kind` is its conditions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields
from functools import cache
from typing import Any, TypeAlias, get_args, get_origin, get_type_hints

from twinlens.reading.meanings.base import Condition, Kind, Meaning, Number
from twinlens.reading.meanings.records import CLASSES

END = "end"
"""The symbol that closes the conditions of a kind, or the parts of a conjunction."""
MEANING, NUMBER, CONDITION, MEANINGS, CONDITIONS = "meaning", "number", "condition", "meanings", "conditions"
SLOTS = (MEANING, NUMBER, CONDITION, MEANINGS, CONDITIONS)
"""The kinds of place in a row of symbols: one meaning, one number, one condition, and any number up to END."""
Slots: TypeAlias = tuple[str, ...]


def symbols(meaning: Meaning) -> list[str]:
    """Write a meaning as a row of symbols."""
    return list(_written(meaning))


def meaning_of(row: Sequence[str]) -> Meaning | None:
    """Build the meaning of a row; None where it is incomplete or goes on after the end."""
    rest = iter(row)
    try:
        meaning = _built(MEANING, rest)
    except StopIteration:
        return None
    return meaning if isinstance(meaning, Meaning) and next(rest, None) is None else None


def after(slots: Slots, symbol: str) -> Slots:
    """Return the slots that are left to fill, innermost last, once a symbol has filled the last one."""
    if symbol == END:
        return slots[:-1]
    kept = slots if slots[-1] in (MEANINGS, CONDITIONS) else slots[:-1]
    return (*kept, *reversed(children(symbol)))


def fits(symbol: str, slot: str) -> bool:
    """Test whether a symbol may fill a slot."""
    if symbol == END:
        return slot in (MEANINGS, CONDITIONS)
    made = _class(symbol)
    kinds = {MEANING: Meaning, MEANINGS: Meaning, CONDITION: Condition, CONDITIONS: Condition, NUMBER: Number}
    return issubclass(made, kinds[slot])


@cache
def children(symbol: str) -> Slots:
    """Return the slots of the parts that follow a symbol."""
    return tuple(slot for _, slot in _parts(_class(symbol)) if slot)


def _written(value: Any) -> Iterator[str]:
    parts = [(getattr(value, name), slot) for name, slot in _parts(type(value))]
    yield ":".join([type(value).__name__, *(_word(part) for part, slot in parts if not slot)])
    for part, slot in parts:
        if slot in (MEANINGS, CONDITIONS):
            for one in part.conditions if isinstance(part, Kind) else part:
                yield from _written(one)
            yield END
        elif slot:
            yield from _written(part)


def _built(slot: str, rest: Iterator[str]) -> Any:
    """Build what fills a slot from the next symbols."""
    if slot in (MEANINGS, CONDITIONS):
        found = list[Any]()
        while (symbol := next(rest)) != END:
            found.append(_made(symbol, rest))
        return tuple(found)
    return _made(next(rest), rest)


def _made(symbol: str, rest: Iterator[str]) -> Any:
    made = _class(symbol)
    words, values, hints = iter(symbol.split(":")[1:]), dict[str, Any](), _HINTS[made]
    for name, slot in _parts(made):
        value = _built(slot, rest) if slot else _value(next(words), hints[name])
        values[name] = Kind(value) if hints[name] is Kind else value
    return made(**values)


def _parts(made: type[Any]) -> tuple[tuple[str, str], ...]:
    """List the fields of a class with their slots, "" for those whose words stand in the symbol."""
    return _PARTS[made]


def _slot(hint: Any) -> str:
    named = {Meaning: MEANING, Number: NUMBER, Condition: CONDITION, Kind: CONDITIONS}
    if get_origin(hint) is tuple:
        return {Meaning: MEANINGS, Condition: CONDITIONS}.get(get_args(hint)[0], "")
    return named.get(hint, "")


def _class(symbol: str) -> type[Any]:
    return CLASSES[symbol.split(":", 1)[0]]


def _word(value: Any) -> str:
    return "+".join(value) if isinstance(value, tuple) else "" if value is None else str(value)


def _value(word: str, hint: Any) -> Any:
    """Read a word of a symbol as the value of a field."""
    if get_origin(hint) is tuple:
        return tuple(word.split("+"))
    if hint is bool:
        return word == "True"
    if hint is str:
        return word
    return int(word) if word else None


def _fields_and_slots(made: type[Any]) -> tuple[tuple[str, str], ...]:
    return tuple((field.name, _slot(_HINTS[made][field.name])) for field in fields(made))


_HINTS = {made: get_type_hints(made) for made in CLASSES.values()}
_PARTS = {made: _fields_and_slots(made) for made in CLASSES.values()}
