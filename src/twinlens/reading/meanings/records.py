"""Meanings as JSON, both ways: {"is": "Count", "kind": …, "number": …}; nothing that is loaded can run code."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import fields
from types import UnionType
from typing import Any, TypeAlias, get_args, get_origin, get_type_hints

from twinlens.core.types import TwinlensError
from twinlens.reading.meanings import conditions, statements
from twinlens.reading.meanings.base import Condition, Kind, Meaning, Number
from twinlens.reading.world import COLOURS, SHAPES, SIZES

Record: TypeAlias = Any
"""A value of JSON: objects, lists, strings, numbers, true, false and null."""
CLASSES: dict[str, type[Any]] = {
    found.__name__: found
    for module in (conditions, statements)
    for found in vars(module).values()
    if isinstance(found, type) and issubclass(found, Condition | Meaning) and found not in (Condition, Meaning)
} | {"Kind": Kind, "Number": Number}
"""Name → class of everything that a meaning is made of."""
HINTS = {known: get_type_hints(known) for known in CLASSES.values()}
"""Class → the types of its fields by name: to find them out for every record would take longer than all else."""
WORDS: dict[str, Collection[str]] = {
    "attribute": conditions.ATTRIBUTES,
    "side": conditions.SIDES,
    "place": conditions.PLACES,
    "thing": ("box", "tower"),
    "feature": statements.FEATURES,
}
"""Field → the words that it may hold; those of a value or of values depend on the attribute."""
VALUES: dict[str, Collection[str]] = {"colour": COLOURS, "shape": SHAPES, "size": SIZES}


def to_json(value: Any) -> Record:
    """Return the record of a meaning or of a part of one."""
    if isinstance(value, tuple):
        return [to_json(part) for part in value]
    if type(value) not in CLASSES.values():
        return value
    return {"is": type(value).__name__} | {field.name: to_json(getattr(value, field.name)) for field in fields(value)}


def from_json(record: Record) -> Meaning:
    """Build the meaning of a record. Raises TwinlensError where it is none."""
    meaning = _build(record)
    if not isinstance(meaning, Meaning):
        raise TwinlensError(f"the record holds a {type(meaning).__name__}, not a meaning; write it anew by to_json")
    return meaning


def _build(record: Record) -> Any:
    if isinstance(record, list):
        return tuple(_build(part) for part in record)
    if not isinstance(record, dict):
        return record
    known = CLASSES.get(str(record.get("is")))
    if known is None:
        raise TwinlensError(f"there is no meaning {record.get('is')!r}; known are {', '.join(sorted(CLASSES))}")
    values = {key: _build(part) for key, part in record.items() if key != "is"}
    if not _fits(values, known):
        wanted = ", ".join(field.name for field in fields(known))
        raise TwinlensError(f"not a record of {known.__name__}, of {wanted}: {record}; write it anew by to_json")
    return known(**values)


def _fits(values: dict[str, Any], known: type[Any]) -> bool:
    """Test that values are those of a class: each field once, of its type, with words of this world."""
    hints = HINTS[known]
    if values.keys() != {field.name for field in fields(known)}:
        return False
    if not all(_is_a(value, hints[name]) for name, value in values.items()):
        return False
    words = WORDS | dict.fromkeys(("value", "values"), VALUES.get(values.get("attribute", ""), ()))
    held = {name: value if isinstance(value, tuple) else (value,) for name, value in values.items() if name in words}
    return all(part in words[name] for name, parts in held.items() for part in parts)


def _is_a(value: Any, hint: Any) -> bool:
    """Test a value against the annotation of its field."""
    if get_origin(hint) is tuple:
        return isinstance(value, tuple) and all(_is_a(part, get_args(hint)[0]) for part in value)
    if isinstance(hint, UnionType):
        return any(_is_a(value, option) for option in get_args(hint))
    return isinstance(value, hint) and isinstance(value, bool) == (hint is bool)  # True is an int, but no count
