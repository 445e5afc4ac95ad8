"""Meanings as JSON, both ways: {"is": "Count", "kind": …, "number": …}; nothing that is loaded can run code."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, TypeAlias

from twinlens.core.types import TwinlensError
from twinlens.reading.meanings import conditions, statements
from twinlens.reading.meanings.base import Condition, Kind, Meaning, Number

Record: TypeAlias = Any
"""A value of JSON: objects, lists, strings, numbers, true, false and null."""
CLASSES: dict[str, type[Any]] = {
    found.__name__: found
    for module in (conditions, statements)
    for found in vars(module).values()
    if isinstance(found, type) and issubclass(found, Condition | Meaning) and found not in (Condition, Meaning)
} | {"Kind": Kind, "Number": Number}
"""Name → class of everything that a meaning is made of."""


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
    try:
        return known(**{key: _build(part) for key, part in record.items() if key != "is"})
    except TypeError as error:
        raise TwinlensError(f"not a record of {known.__name__} ({error}); write it anew by to_json") from error
