"""Fields that a condition asks for, compared with those that a collection has."""

from __future__ import annotations

import re

from twinlens.collection.search import filters
from twinlens.collection.search.nodes import Compare, Date
from twinlens.collection.search.parsing import DATE_LOOKS
from twinlens.collection.store import Store
from twinlens.core import suggestions
from twinlens.core.escaping import shortened
from twinlens.core.types import TwinlensError
from twinlens.media import places
from twinlens.media.fields import EMBEDDED, FIELDS, PLACE, TAKEN, TAKEN_FROM

_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d")
"""The beginning of a time of full length, with seconds, parts of them, or a zone behind it."""
_LONGEST = 40
"""Characters of a value that an error shows."""


def known_fields(store: Store) -> list[str]:
    """Return the names of all fields that conditions can use."""
    named = [name for name in store.fields() if name != EMBEDDED]
    carried = "SELECT DISTINCT key FROM entry, json_each(metadata, ?) WHERE typeof(key) = 'text' ORDER BY key"
    inside = [name for (name,) in store.ask(carried, f"$.{EMBEDDED}")]
    return list(dict.fromkeys([*filters.COLUMNS, *filters.DERIVED, *named, *inside]))


def check_fields(node: filters.Node, store: Store) -> None:
    """Raise TwinlensError for a field that no entry has, and for a value of a type that no entry has there.

    The field is mistyped, or the value is: either would only seem to match nothing.
    """
    if not store.ask("SELECT 1 FROM entry LIMIT 1"):
        return
    for field in sorted(filters.fields(node)):
        kind, parameters = filters.kind(field)
        if not store.ask(f"SELECT 1 FROM entry WHERE {kind} != 'null' LIMIT 1", *parameters) and not _is_null(  # noqa: S608
            field, store
        ):
            raise TwinlensError(f"the condition asks for {_unknown(field, store)}")
    for comparison in filters.comparisons(node):
        if comparison.field == (TAKEN,):
            _check_date(comparison, store)
        if comparison.field[0] not in filters.COLUMNS and comparison.op != "has":
            _check_type(comparison, store)


def _is_null(field: tuple[str, ...], store: Store) -> bool:
    has = "SELECT 1 FROM entry WHERE json_type(metadata, ?) IS NOT NULL LIMIT 1"
    return bool(store.ask(has, filters.json_path(field)))


def _check_date(comparison: Compare, store: Store) -> None:
    """Raise TwinlensError where times are compared with what is none, and all values are times."""
    value = comparison.value
    if isinstance(value, Date) or comparison.op in ("like", "has") or _TIME.match(str(value)):
        return
    (kind, first), (read, second) = filters.kind(comparison.field), filters.read(comparison.field)
    is_time = f"({kind} = 'text' AND {read} GLOB '{filters.ISO}')"
    others = f"SELECT 1 FROM entry WHERE {kind} != 'null' AND NOT {is_time} LIMIT 1"  # noqa: S608
    if not store.ask(others, *first, *first, *second):
        raise TwinlensError(f"{TAKEN} is compared with {DATE_LOOKS}, not with {shortened(repr(value), _LONGEST)}")


def _check_type(comparison: Compare, store: Store) -> None:
    """Raise TwinlensError where a field has values, and none of them can be compared with this one."""
    name = ".".join(comparison.field)
    kind, parameters = filters.kind(comparison.field)
    allowed = filters.TYPES[type(comparison.value)]
    if store.ask(f"SELECT 1 FROM entry WHERE {kind} IN {allowed} LIMIT 1", *parameters):  # noqa: S608
        return
    read, more = filters.read(comparison.field)
    query = f"SELECT {kind}, {read} FROM entry WHERE {kind} != 'null' LIMIT 1"  # noqa: S608
    found = store.ask(query, *parameters, *more, *parameters)
    if not found:
        return
    kind_there, example = found[0]
    shown = shortened(repr(example), _LONGEST)
    match kind_there:
        case "text":
            raise TwinlensError(f'{name} is text here, such as {shown}; write it in quotes: {name} {comparison.op} "…"')
        case "integer" | "real":
            raise TwinlensError(f"{name} is a number here, such as {shown}; write one, without quotes")
        case "array":
            raise TwinlensError(f'{name} is a list here, such as {shown}; write: {name} has "…"')


def _unknown(field: tuple[str, ...], store: Store) -> str:
    """Describe an unknown field by the known ones, of a.b by those within a if a is known, the closest first."""
    if field == (PLACE,) and not places.is_installed():
        return f"place, which no picture of this collection has: {places.CURE}, then run twinlens index again"
    if field[0] in FIELDS - {TAKEN_FROM} and len(field) == 1:
        return f"{field[0]}, which no picture of this collection has; twinlens info --files shows what they have"
    within = filters.json_path(field[:-1])
    inner = store.ask("SELECT DISTINCT key FROM entry, json_each(metadata, ?) WHERE typeof(key) = 'text'", within)
    known = [".".join((*field[:-1], name)) for (name,) in inner] if inner and len(field) > 1 else known_fields(store)
    return f"an {suggestions.unknown_among_many('field', '.'.join(field), known)}"
