from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from meaning_strategies import meanings

from twinlens.core.types import TwinlensError
from twinlens.reading.meanings import SOME, Count, Is, Kind
from twinlens.reading.meanings.records import from_json, to_json

BLUE = Count(Kind((Is("colour", "blue"),)), SOME)


@settings(max_examples=100, deadline=None)
@given(meanings)
def test_a_meaning_is_kept_as_json(meaning):
    assert from_json(json.loads(json.dumps(to_json(meaning)))) == meaning


def test_records_name_their_parts():
    assert to_json(BLUE) == {
        "is": "Count",
        "kind": {"is": "Kind", "conditions": [{"is": "Is", "attribute": "colour", "value": "blue"}]},
        "number": {"is": "Number", "at_least": 1, "at_most": None},
    }


@pytest.mark.parametrize(
    ("record", "line"),
    [
        ({"is": "Open", "file": "x"}, "there is no meaning 'Open'; known are Alike, "),
        ({"kind": 1}, "there is no meaning None"),
        ({"is": "Count", "kind": to_json(BLUE.kind)}, "not a record of Count, of kind, number"),
        ({"is": "Count", "kind": to_json(BLUE.kind), "number": 3}, "not a record of Count"),
        ({"is": "Is", "attribute": "colour", "value": "red"}, "not a record of Is"),
        ({"is": "Is", "attribute": "size", "value": "blue"}, "not a record of Is"),
        ({"is": "Number", "at_least": True, "at_most": None}, "not a record of Number"),
        ({"is": "Number", "at_least": 1, "at_most": None, "more": 1}, "not a record of Number"),
        ({"is": "Is", "attribute": "weight", "value": "blue"}, "not a record of Is"),
        ({"is": "AtEdge", "side": "inside"}, "not a record of AtEdge"),
        (to_json(BLUE.kind), "holds a Kind, not a meaning"),
        ([1, 2], "holds a tuple, not a meaning"),
        ("blue", "holds a str, not a meaning"),
    ],
)
def test_another_record_is_one_line(record, line):
    with pytest.raises(TwinlensError, match=line):
        from_json(record)
