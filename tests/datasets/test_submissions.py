from __future__ import annotations

import json

import pytest

from twinlens.core import jsonfile
from twinlens.core.types import Ranking, TwinlensError
from twinlens.datasets import _submissions


def ranking(query: str, ids) -> Ranking:
    ids = tuple(ids)
    return Ranking(query, ids, tuple(1 - place / len(ids) for place in range(len(ids))))


def test_cirr_takes_the_50_best_and_says_version_and_metric():
    names = [f"test1-{n}" for n in range(60)]
    assert _submissions.cirr([ranking("12063", names)]) == {"version": "rc2", "metric": "recall", "12063": names[:50]}


def test_cirr_subset_takes_the_3_best_of_the_set_in_the_rankings_order():
    content = _submissions.cirr_subset([ranking("7", "xcaybzd")], {"7": frozenset("abcde")})
    assert content == {"version": "rc2", "metric": "recall_subset", "7": ["c", "a", "b"]}


def test_circo_takes_coco_ids():
    names = [f"{n:012d}" for n in range(100, 160)]
    content = _submissions.circo([ranking("1", names[::-1]), ranking("0", names)])
    assert content == {"0": list(range(100, 150)), "1": list(range(159, 109, -1))}


def test_short_rankings_are_refused():
    with pytest.raises(TwinlensError, match="query 3 ranks 2 candidates where the server wants 50"):
        _submissions.cirr([ranking("3", "ab")])
    with pytest.raises(TwinlensError, match="query 3 ranks 1 candidates where the server wants 3"):
        _submissions.cirr_subset([ranking("3", "abc")], {"3": frozenset("axyzw")})


def test_circo_wants_every_query():
    with pytest.raises(TwinlensError, match="1 is not ranked"):
        _submissions.circo([ranking(q, [f"{n:012d}" for n in range(50)]) for q in ("0", "2", "10")])


def test_a_submission_is_written_as_json(tmp_path):
    content = _submissions.cirr([ranking("1", map(str, range(50)))])
    jsonfile.write(content, tmp_path / "recall.json")
    assert json.loads((tmp_path / "recall.json").read_text()) == content
    (tmp_path / "file").touch()
    with pytest.raises(TwinlensError, match="cannot write the JSON"):
        jsonfile.write(content, tmp_path / "file" / "recall.json")
