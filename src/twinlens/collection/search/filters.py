"""Conditions on metadata, `year >= 2020 and (tag = "red" or tags has "night")`, run as SQL with parameters.

    field = != < <= > >= value      a number, "a text", true or false; what is of another type never compares
    field = != < <= > >= 2019-05    a year-month, a day, or a time 2019-05-03T14:22, compared with times in ISO 8601 to
                                    the same length: taken = 2019-05 is that month, taken > 2019-05 what is after it;
                                    a zone, 2019-05-03T14:22:10+02:00 or Z, is compared as it is written
    field in (value, value)         field like "IMG_%"  (% any characters, _ one; the case of A to Z does not count)
    tags has "night"                an element of a list, or the value itself
    has field                       whether there is a value at all
    not, and, or, parentheses       `not` binds tightest; `a != b` is `not a = b`, so it holds where there is no value

A field is a name, a.b within an object, or any name in `backticks`. path, caption, width, height (pixels), size (bytes)
and id are the picture's own; every other name is looked up in the metadata: first from beside the file, then from
within it (taken, camera, lens, latitude, longitude, place, keywords, rating, title, moment). folder is that of the file
unless the metadata have such a field. Accents are equal however they are composed.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterator
from typing import TypeAlias

from twinlens.collection.search.nodes import Below, Compare, Date, Every, Has, Near, Not, Some
from twinlens.collection.search.nodes import Node as Node
from twinlens.collection.search.parsing import parse as parse
from twinlens.core import paths
from twinlens.media.fields import EMBEDDED, FIELDS, LATITUDE, LONGITUDE, MOMENT
from twinlens.media.places import EARTH_KM

Parameters: TypeAlias = "list[str | int | float | bytes]"
COLUMNS = {
    "path": "CAST(path AS TEXT)",
    "caption": "caption",
    "width": "width",
    "height": "height",
    "size": "size",
    "id": "row",
}
"""Fields that are columns of the collection's own, and how SQL reads them."""
_PATH = COLUMNS["path"]
_SEPARATOR = f"CASE WHEN substr({_PATH}, 1, 1) = '/' THEN '/' ELSE '\\' END"
"""The separator of a path: those of Windows begin with the letter of a drive, or with two backslashes."""
_ABOVE = f"rtrim(rtrim({_PATH}, replace({_PATH}, {_SEPARATOR}, '')), {_SEPARATOR})"
_IS_MOMENT = f"json_type(metadata, '$.{EMBEDDED}.{MOMENT}') IS NOT NULL"
_VIDEO = f"rtrim(rtrim({_ABOVE}, replace({_ABOVE}, {_SEPARATOR}, '')), {_SEPARATOR})"
"""The folder of a video, whose path stands above its moments'."""
DERIVED = {"folder": f"CASE WHEN {_IS_MOMENT} THEN {_VIDEO} ELSE {_ABOVE} END"}
"""Fields that are worked out where the metadata have none of the name."""


def comparisons(node: Node) -> Iterator[Compare]:
    """Yield the comparisons of a condition."""
    match node:
        case Every(parts=parts) | Some(parts=parts):
            for part in parts:
                yield from comparisons(part)
        case Not(part=part):
            yield from comparisons(part)
        case Compare():
            yield node


def fields(node: Node) -> set[tuple[str, ...]]:
    """Return the metadata fields that a condition uses; a.b as ("a", "b")."""
    match node:
        case Every(parts=parts) | Some(parts=parts):
            return {field for part in parts for field in fields(part)}
        case Not(part=part):
            return fields(part)
        case Has(field=field) | Compare(field=field):
            return set() if field[0] in COLUMNS or field[0] in DERIVED else {field}
        case Near():
            return {(LATITUDE,), (LONGITUDE,)}
        case Below():
            return set()


def to_sql(node: Node) -> tuple[str, Parameters]:
    """Return an SQL condition on the table `entry` and its parameters.

    The condition is true or false and never null; no text of the user stands in it.
    """
    match node:
        case Every(parts=parts) | Some(parts=parts):
            return _joined(parts, " AND " if isinstance(node, Every) else " OR ")
        case Not(part=part):
            condition, parameters = to_sql(part)
            return f"NOT {condition}", parameters
        case Has(field=field):
            condition, parameters = kind(field)
            return "(caption != '')" if field == ("caption",) else f"({condition} != 'null')", parameters
        case Below(folder=folder):
            return "(path > ? AND path < ?)", [*paths.below(folder)]
        case Near():
            return _near(node)
        case Compare():
            return _compare(node)


def _joined(parts: tuple[Node, ...], word: str) -> tuple[str, Parameters]:
    """Join in balanced pairs: SQLite refuses a chain of more than a thousand as too deep."""
    if len(parts) == 1:
        return to_sql(parts[0])
    half = len(parts) // 2
    (left, first), (right, second) = _joined(parts[:half], word), _joined(parts[half:], word)
    return f"({left}{word}{right})", first + second


TYPES = {
    str: "('text')",
    Date: "('text')",
    bool: "('true', 'false')",
    float: "('integer', 'real')",
    int: "('integer', 'real')",
}
"""JSON's types, as SQL has them, that a value compares with."""
ISO = "[0-9][0-9][0-9][0-9]*"
"""The beginning of a time in ISO 8601, as SQLite matches it."""


def _compare(node: Compare) -> tuple[str, Parameters]:
    if isinstance(node.value, Date):
        return _compare_times(node, node.value.text)
    value = int(node.value) if isinstance(node.value, bool) else node.value  # 0 and 1, as json_extract gives them
    values: Parameters = [value]
    if isinstance(value, str) and node.op in ("=", "like", "has"):
        values = list(dict.fromkeys(unicodedata.normalize(form, value) for form in ("NFC", "NFD")))
    written = [_compare_value(node, one) for one in values]
    joined = " OR ".join(condition for condition, _ in written)
    return f"({joined})", [parameter for _, parameters in written for parameter in parameters]


def _compare_value(node: Compare, value: str | float | bytes) -> tuple[str, Parameters]:
    allowed = TYPES[type(node.value)]
    if node.op == "has" and node.field[0] not in COLUMNS:
        each = f"EXISTS (SELECT 1 FROM json_each(metadata, ?) WHERE value = ? AND type IN {allowed})"  # noqa: S608
        places = [json_path(field) for field in _places(node.field)]
        return f"({' OR '.join([each] * len(places))})", [one for place in places for one in (place, value)]
    (kind_of, first), (value_of, second) = kind(node.field), read(node.field)
    op = "=" if node.op == "has" else node.op.upper()
    return f"({kind_of} IN {allowed} AND {value_of} {op} ?)", [*first, *second, value]


def _compare_times(node: Compare, text: str) -> tuple[str, Parameters]:
    """Compare as much of a time in ISO 8601 as the value has."""
    (kind_of, first), (value_of, second) = kind(node.field), read(node.field)
    op = node.op if node.op in ("<", "<=", ">", ">=") else "="
    begins = f"replace(substr({value_of}, 1, ?), ' ', 'T')"
    condition = f"({kind_of} IN {TYPES[Date]} AND {value_of} GLOB '{ISO}' AND {begins} {op} ?)"
    return condition, [*first, *second, *second, len(text), text]


def _near(node: Near) -> tuple[str, Parameters]:
    """Write the haversine formula (Sinnott, Sky and Telescope, 1984), its sines as polynomials: few SQLites have any.

    The chord's square, of latitudes φ and longitudes λ, is sin²(Δφ/2) + cos φ₀ cos φ sin²(Δλ/2); the polynomial's error
    is below 10⁻⁹ on the quarter of a circle to which all angles are brought.
    """
    (latitude, first), (longitude, second) = read((LATITUDE,)), read((LONGITUDE,))
    numbers = "typeof({0}) IN ('integer', 'real')"
    angle = min(node.kilometres / (2 * EARTH_KM), math.pi / 2)
    box = math.degrees(2 * angle) + 1e-9
    chord = f"{_sine('u')} * {_sine('u')} + ? * {_sine('v')} * {_sine('w')} * {_sine('w')}"
    condition = (
        "EXISTS (SELECT 1 FROM (SELECT radians * (a - ?) / 2 AS u, radians * (90 - abs(a)) AS v,"  # noqa: S608
        " radians * min(abs(b - ?) / 2, 180 - abs(b - ?) / 2) AS w, a FROM"
        f" (SELECT {latitude} AS a, {longitude} AS b, ? AS radians)"
        f" WHERE {numbers.format('a')} AND {numbers.format('b')} AND a BETWEEN ? AND ?)"
        f" WHERE {chord} <= ?)"
    )
    parameters: Parameters = [node.latitude, node.longitude, node.longitude, *first, *second, math.pi / 180]
    bounds = [node.latitude - box, node.latitude + box]
    return condition, [*parameters, *bounds, math.cos(math.radians(node.latitude)), math.sin(angle) ** 2 + 1e-18]


def _sine(x: str) -> str:
    """Write the sine of an angle of at most a quarter of a circle as its series, to the 15th power."""
    inner = "1.0"
    for n in range(15, 1, -2):
        inner = f"(1.0 - {x} * {x} / {n * (n - 1)}.0 * {inner})"
    return f"({x} * {inner})"


def _places(field: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Return the places of a field's value: among those from beside the file, or what the file carries."""
    return [field, (EMBEDDED, *field)] if field[0] in FIELDS else [field]


def kind(field: tuple[str, ...]) -> tuple[str, Parameters]:
    """Return SQL for a field's JSON type; 'null' where there is no value."""
    column = COLUMNS.get(field[0])
    if column:
        return f"typeof({column})", []
    places = [json_path(place) for place in _places(field)]
    otherwise = "'text'" if field[0] in DERIVED and len(field) == 1 else "'null'"
    return f"coalesce({'json_type(metadata, ?), ' * len(places)}{otherwise})", [*places]


def read(field: tuple[str, ...]) -> tuple[str, Parameters]:
    """Return SQL for a field's value."""
    column = COLUMNS.get(field[0])
    if column:
        return column, []
    places = [json_path(place) for place in _places(field)]
    otherwise = DERIVED.get(field[0], "NULL") if len(field) == 1 else "NULL"
    return f"coalesce({'json_extract(metadata, ?), ' * len(places)}{otherwise})", [*places]


def json_path(field: tuple[str, ...]) -> str:
    """Return the place of a metadata field as SQLite names it."""
    return "$" + "".join(f'."{name}"' for name in field)
