from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from twinlens.collection.search import filters
from twinlens.collection.search.fields import check_fields
from twinlens.collection.store import Entry, Store
from twinlens.core.types import TwinlensError


@pytest.fixture
def store(tmp_path):
    """A store of one picture with metadata of every kind, one of whose fields is nested."""
    with closing(Store.create(tmp_path)) as store:
        metadata = {"year": 2020, "exif": {"iso": 100, "lens": {"name": "x"}}, "tags": ["a"], "a.b": 1, 'it"s': 2}
        with store.change():
            store.add(Entry(tmp_path / "a.png", b"", 1, 1, metadata=metadata))
        yield store


@pytest.mark.parametrize(
    "text",
    [
        "year = 3",
        "exif.iso > 50",
        "has exif.lens.name",
        'tags has "b"',
        "`a.b` = 1",
        "not has exif",
        "width > 3",
        "id = 1",
    ],
)
def test_known_fields_are_no_error_whatever_they_hold(store, text):
    check_fields(filters.parse(text), store)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("year = 1 and yaer = 1", r"unknown field 'yaer' \(did you mean 'year'\?\); known: year, "),
        ("exif.isoo = 1", r"unknown field 'exif\.isoo' \(did you mean 'exif\.iso'\?\); known: exif\.iso, exif\.lens$"),
        ("exif.lens.nam = 1", r"did you mean 'exif\.lens\.name'"),
        ("tags.x = 1", r"unknown field 'tags\.x'.*known: tags, "),
        ("year.x = 1", r"unknown field 'year\.x'.*known: .*year"),
        ("a.b = 1", r"unknown field 'a\.b'.*known: a\.b, "),
        ("`a\nb` = 1", r"unknown field 'a\\nb'"),
    ],
)
def test_an_unknown_field_is_an_error_with_the_closest_first(store, text, line):
    with pytest.raises(TwinlensError, match=line):
        check_fields(filters.parse(text), store)


def test_of_many_fields_the_closest_are_listed(store):
    with store.change():
        store.add(Entry(Path("/b.png"), b"", 1, 1, metadata={f"field_{n}": n for n in range(100)}))
    with pytest.raises(TwinlensError, match=r"known: field_42, .* and 82 more$"):
        check_fields(filters.parse("field_421 = 1"), store)


def test_a_collection_without_entries_knows_no_field_and_has_no_answer(tmp_path):
    with closing(Store.create(tmp_path)) as store:
        check_fields(filters.parse("year = 1"), store)
