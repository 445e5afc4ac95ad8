"""Reasons in words."""

from __future__ import annotations

import pytest

from twinlens.core.reasons import in_words
from twinlens.core.types import Hit, Sample

FACTS = [{"says": "There is a box.", "true": True, "found": 3}, {"says": "All are red.", "true": False, "found": None}]


@pytest.mark.parametrize(
    ("why", "line"),
    [
        ({}, ""),
        ({"search": {"score": 0.25, "place": 7}}, "search: score 0.250, place 7"),
        (
            {"truth": {"true": False, "facts": FACTS}},
            "truth: “There is a box” is true (3 found), “All are red” is false",
        ),
        ({"truth": {"true": True, "facts": []}}, "truth: true true"),
        ({"match": {"abstains": "there is nothing"}}, "match: abstains, as there is nothing"),
        ({"a": {"near_by": 1.0}, "b": {"x": "y"}}, "a: near by 1.000; b: x y"),
    ],
)
def test_reasons_of_all_stages_are_one_line(why, line):
    assert in_words(why) == Hit(Sample("a", None), 1.0, why=why).because == line


def test_the_place_in_the_search_is_told_where_it_was_another():
    why = {"search": {"score": 0.25, "place": 2}, "lexical": {"caption_has": ["river", "sea"]}}
    lines = [Hit(Sample("a", None), 0.25, rank=rank, why=why).because for rank in (1, 2)]
    assert lines == [
        "search: score 0.250, place 2; lexical: caption has river, sea",
        "lexical: caption has river, sea",
    ]
