"""`twinlens explain`: the same answers as `search`, and the reasons for them."""

from __future__ import annotations

import json

import pytest
from PIL import Image

from tests.pictures import answer
from twinlens import cli

ASK = ("--image", "pictures/red.png", "--text", "a blue tile", "--with-self")


def test_the_first_answers_of_search_are_explained(indexed):
    hits = answer(indexed, "search", *ASK)["hits"]
    told = answer(indexed, "explain", *ASK)
    assert [one["id"] for one in told["explanations"]] == [hit["id"] for hit in hits[:3]]
    for one, hit in zip(told["explanations"], hits, strict=False):
        assert one["score"] == pytest.approx(hit["score"], abs=1e-6) and one["path"] == hit["path"]
        assert sum(share["score"] for share in one["shares"]) == pytest.approx(hit["score"], abs=1e-6)
        assert [word["word"] for word in one["words"]] == ["a", "blue", "tile"]
        assert (one["gate"]["rows"], one["gate"]["columns"]) == (1, 3)
    assert told["files"] == []


def test_named_pictures_are_explained_whether_they_answer_or_not(indexed):
    told = answer(indexed, "explain", *ASK, "-k", 1, "--hit", 3, "--hit", 1, "--hit", 3)["explanations"]
    assert [one["id"] for one in told] == ["3", "1"]
    assert sum(one["rank"] is None for one in told) >= 1
    code, _, errors = indexed("explain", *ASK, "--hit", "none")
    assert code == 2 and "no picture with the id 'none'" in errors


def test_the_table_has_shares_and_words(indexed):
    code, out, _ = indexed("explain", *ASK)
    assert code == 0 and "both +" in out and "blue" in out
    code, out, _ = indexed("explain", *ASK, "--rerank", "diverse")
    assert code == 0 and "why" in out


def test_the_picture_is_written_and_kept_out_of_later_indexes(indexed, tmp_path):
    code, out, _ = indexed("explain", *ASK, "--out", "why")
    assert code == 0 and "wrote why/explanation.png" in out
    assert Image.open(tmp_path / "why" / "explanation.png").width > 1000
    assert "/explanation.png" in (tmp_path / "why" / ".twinlensignore").read_text()


def test_two_models_are_shown_beside_each_other(indexed, pictures, tmp_path):
    assert indexed("index", pictures, "--recipe", "compact", "--collection", "other", "--workers", 0)[0] == 0
    indexed("explain", *ASK, "--out", "one")
    code, out, _ = indexed("explain", *ASK, "--against", "other", "--out", "two", "--json=told.json")
    assert code == 0 and "other" in out
    told = json.loads((tmp_path / "told.json").read_text())
    assert told["against"]["collection"] == "other" and len(told["against"]["explanations"]) == 3
    one, two = (Image.open(tmp_path / name / "explanation.png").width for name in ("one", "two"))
    assert two > 1.9 * one


def test_no_answer_is_said(indexed):
    code, out, _ = indexed("explain", "--text", "a tile", "--where", "year > 3000", "--out", "why")
    assert code == 0 and "no picture meets the condition" in out and "wrote" not in out


def test_options_of_a_query_are_those_of_search():
    parser = cli.build_parser(["search", "explain"])
    commands = {name: sub for action in parser._subparsers._group_actions for name, sub in action.choices.items()}
    options = {name: set(commands[name]._option_string_actions) for name in ("search", "explain")}
    only = {"--export", "--receipt", "--preview", "--no-preview"}
    assert options["search"] - options["explain"] == only
    assert options["explain"] - options["search"] == {"--hit", "--against"}
