"""`twinlens evaluate --rerank`: figures by the kind of sentence, and the worst queries drawn."""

from __future__ import annotations

import json
import re

import pytest

from twinlens.cli import main

EVALUATE = ["evaluate", "--model", "reading", "--data", "scenes=12", "--protocol", "grounded"]


def test_a_reader_is_measured_by_the_kind_of_sentence(tmp_path, capsys):
    assert main([*EVALUATE, "--out", str(tmp_path / "first"), "--json"]) == 0
    plain = json.loads(capsys.readouterr().out)
    assert "by_sentence" not in plain and not (tmp_path / "first" / "worst.png").exists()
    known = tmp_path / "known.jsonl"
    known.write_text('{"sentence": "There is a dog."}\n')
    given = ["--rerank", "truth:20", "--known", str(known), "--out", str(tmp_path / "out")]
    assert main([*EVALUATE, *given]) == 0
    told = capsys.readouterr().out
    assert "By kind of sentence" in told and re.search(r"The stage reads a picture in \d+ ms", told)
    found = json.loads((tmp_path / "out" / "results.json").read_text())
    kinds = found["by_sentence"]
    assert list(kinds)[:2] == ["all", "read"] and kinds["new"]["queries"] == kinds["all"]["queries"] == found["queries"]
    assert kinds["all"]["two_stage"] == found["two_stage"] and kinds["all"]["composed"] == found["metrics"]
    assert found["ms_per_picture"] > 0
    assert len(found["worst"]) == 10 and found["worst"][0]["map"] == min(query["map"] for query in found["worst"])
    assert (tmp_path / "out" / "worst.png").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("given", "line"),
    [
        (["--known", "x.jsonl"], "--known is for --rerank"),
        (["--rerank", "truth", "--known", "none.jsonl"], "cannot read none.jsonl"),
        (["--rerank", "truth", "--known", "odd.jsonl"], "odd.jsonl wants a JSON object"),
    ],
)
def test_known_sentences_that_are_none_are_one_line(tmp_path, monkeypatch, capsys, given, line):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "odd.jsonl").write_text("[1]\n")
    assert main([*EVALUATE, *given]) == 2
    err = capsys.readouterr().err
    assert line in err and "Traceback" not in err
