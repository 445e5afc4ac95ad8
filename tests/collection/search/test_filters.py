from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twinlens.collection.search import filters
from twinlens.collection.search.filters import Compare, Every, Has, Not, Some
from twinlens.core.types import TwinlensError

NAMES = ("year", "tag", "tags", "camera", "größe")
words = st.text(alphabet="abAB %_'\"é", max_size=4)
numbers = st.integers(-3, 3) | st.sampled_from([0.5, -1.5, 2.0, 1e300]) | st.integers(-(2**70), 2**70)
scalars = numbers | words | st.booleans()
records = st.dictionaries(st.sampled_from(NAMES), scalars | st.none() | st.lists(scalars, max_size=3))
fields = st.sampled_from([(name,) for name in NAMES] + [("camera", "year")])
values = st.integers(-3, 3) | st.sampled_from([0.5, -1.5, 2.0]) | words | st.booleans()
leaves = (
    st.builds(Has, fields)
    | st.builds(Compare, fields, st.sampled_from(["=", "<", "<=", ">", ">=", "has"]), values)
    | st.builds(Compare, fields, st.just("like"), words)
)
conditions = st.recursive(
    leaves,
    lambda parts: (
        st.builds(Not, parts)
        | st.builds(Every, st.lists(parts, min_size=1, max_size=3).map(tuple))
        | st.builds(Some, st.lists(parts, min_size=1, max_size=3).map(tuple))
    ),
    max_leaves=8,
)


def selected(condition: filters.Node, records: list[dict]) -> list[int]:
    """The numbers of the records that SQLite finds."""
    with closing(sqlite3.connect(":memory:")) as sql:
        sql.execute(
            "CREATE TABLE entry (row INTEGER PRIMARY KEY, path BLOB, caption TEXT, width INTEGER, metadata TEXT)"
        )
        for row, record in enumerate(records):
            text = json.dumps(record, ensure_ascii=False)
            sql.execute(
                "INSERT INTO entry VALUES (?, ?, ?, ?, ?)", (row, b"/a/%d.jpg" % row, f"dog {row}", 100 * row, text)
            )
        written, parameters = filters.to_sql(condition)
        return [row for (row,) in sql.execute(f"SELECT row FROM entry WHERE {written} ORDER BY row", parameters)]


def holds(node: filters.Node, record: dict) -> bool:
    """The same, said in Python."""
    match node:
        case Every(parts=parts):
            return all(holds(part, record) for part in parts)
        case Some(parts=parts):
            return any(holds(part, record) for part in parts)
        case Not(part=part):
            return not holds(part, record)
        case Has(field=field):
            return value_of(field, record) is not None
        case Compare(field=field, op=op, value=wanted):
            found = value_of(field, record)
            several = found if isinstance(found, list) and op == "has" else [found]
            return any(comparable(one, wanted) and compare(one, op, wanted) for one in several)


def value_of(field: tuple[str, ...], record: object) -> object:
    for name in field:
        record = record.get(name) if isinstance(record, dict) else None
    return record


def comparable(one: object, other: object) -> bool:
    kinds = [bool if isinstance(v, bool) else float if isinstance(v, int | float) else type(v) for v in (one, other)]
    return kinds[0] is kinds[1]


def compare(one, op: str, other) -> bool:
    if op == "like":
        pattern = "".join({"%": ".*", "_": "."}.get(c, re.escape(c)) for c in ascii_lower(other))
        return re.fullmatch(pattern, ascii_lower(one), re.DOTALL) is not None
    return {"=": one == other, "has": one == other, "<": one < other, "<=": one <= other, ">": one > other}.get(
        op, one >= other
    )


def ascii_lower(text: str) -> str:
    return "".join(c.lower() if c.isascii() else c for c in text)


def written(node: filters.Node) -> str:
    """The condition as a user would write it."""
    match node:
        case Every(parts=parts):
            return "(" + " and ".join(map(written, parts)) + ")"
        case Some(parts=parts):
            return "(" + " or ".join(map(written, parts)) + ")"
        case Not(part=part):
            return f"not {written(part)}"
        case Has(field=field):
            return f"has {'.'.join(field)}"
        case Compare(field=field, op=op, value=value):
            quoted = (
                '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"' if isinstance(value, str) else str(value)
            )
            return f"{'.'.join(field)} {op} {quoted.lower() if isinstance(value, bool) else quoted}"


@settings(max_examples=300, deadline=None)
@given(conditions, st.lists(records, min_size=1, max_size=4))
def test_sql_finds_what_python_finds(condition, records):
    assert selected(condition, records) == [n for n, record in enumerate(records) if holds(condition, record)]


@settings(deadline=None)
@given(conditions, st.lists(records, min_size=1, max_size=3))
def test_a_condition_that_is_written_down_means_the_same(condition, records):
    assert selected(filters.parse(written(condition)), records) == selected(condition, records)


RECORDS = [
    {"year": 2019, "tag": "red", "tags": ["night", "sea"]},
    {"year": 2021, "tag": "red", "exif": {"iso": 400}},
    {"year": "2021", "tag": "Red", "shot by": "Ann"},
    {},
]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('year >= 2020 and tag = "red"', [1]),
        ('tag = "red" or tags has "sea"', [0, 1]),
        ('tag like "r_d"', [0, 1, 2]),
        ('tag != "red"', [2, 3]),
        ("not has year", [3]),
        ("year in (2019, 2021)", [0, 1]),
        ("year not in (2019)", [1, 2, 3]),
        ("exif.iso > 100", [1]),
        ("`shot by` = 'Ann'", [2]),
        ('caption like "DOG _"', [0, 1, 2, 3]),
        ('path like "%/2.jpg"', [2]),
        ("width >= 100 AND NOT width > 200", [1, 2]),
        ("id = 3", [3]),
        ('tags has "night" and has tags', [0]),
        ('year = 2019 or year = 2021 and tag = "blue"', [0]),
    ],
)
def test_what_people_write(text, expected):
    assert selected(filters.parse(text), RECORDS) == expected


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "needs a field at character 1"),
        ("year >", 'needs a number, true, false or a "text" at character 7'),
        ("year >> 3", "at character 7, where > stands"),
        ("year = 1 tag", "needs and, or, or the end at character 10"),
        ("(year = 1", "needs ')' at character 10"),
        ("year = 'open", 'has "\'" at character 8'),
        ("year; DROP TABLE entry", "has ';' at character 5"),
        ("year like 3", "needs a text in quotes at character 11"),
        ("year in ()", "at character 10"),
        ('`a"b` = 1', "has '`' at character 1"),
        ("(" * 60 + "year = 1" + ")" * 60, "nested more than 50 deep"),
        ("year = 1 or " * 1000 + "year = 1", "more than 10,000"),
    ],
)
def test_a_fault_is_one_line_with_its_place(text, line):
    with pytest.raises(TwinlensError) as error:
        filters.parse(text)
    assert line in str(error.value)
    assert "\n" not in str(error.value)


def test_the_names_that_a_condition_asks_for():
    assert filters.fields(
        filters.parse('width > 3 and (not has a.b or `c d` in (1, 2)) and tags has "x" or path like "%"')
    ) == {("a", "b"), ("c d",), ("tags",)}


def test_nothing_of_the_users_text_stands_in_the_sql():
    condition, parameters = filters.to_sql(filters.parse("`x') OR 1=1 --` = \"'; DROP TABLE entry\""))
    assert "DROP" not in condition and "OR 1=1" not in condition
    assert parameters[-1] == "'; DROP TABLE entry"


def test_a_long_listing_is_not_too_deep():
    many = filters.parse(f"year in ({', '.join(map(str, range(1000, 2020)))})")
    assert selected(many, RECORDS) == [0]
