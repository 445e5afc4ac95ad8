"""TREC's files: read back by ir-measures, they have the figures that were measured."""

from __future__ import annotations

import json
from dataclasses import replace
from urllib.parse import unquote

import ir_measures
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ir_measures import AP, RR, R, Success

from tests import toy
from twinlens import cli
from twinlens.core.types import Dataset, Sample
from twinlens.evaluation import trec
from twinlens.evaluation.judgements import Judgements
from twinlens.metrics import per_query

SAME = {
    "map": AP,
    "mrr": RR,
    **{f"hit@{k}": Success @ k for k in (1, 5, 10)},
    **{f"recall@{k}": R @ k for k in (1, 5, 10)},
}


def read_back(folder, run="composed.run"):
    qrels, ranked = ir_measures.read_trec_qrels(str(folder / trec.QRELS)), ir_measures.read_trec_run(str(folder / run))
    return ir_measures.calc_aggregate(list(SAME.values()), list(qrels), list(ranked))


@pytest.mark.parametrize("more", [[], ["--rerank", "truth:20"]])
def test_the_command_writes_what_it_prints(tmp_path, monkeypatch, capsys, more):
    monkeypatch.chdir(tmp_path)
    data = ["--protocol", "edits", "--data", "scenes=24", "--seed", "1"]
    assert cli.main(["evaluate", "--model", "towers", *data, "--trec", "runs", *more, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    rows = {"composed.run": result["metrics"]} | ({"two_stage.run": result["two_stage"]} if more else {})
    assert result["trec"] == [f"runs/{name}" for name in ("qrels.trec", *rows)]
    for run, printed in rows.items():
        found = read_back(tmp_path / "runs", run)
        assert {name: found[measure] for name, measure in SAME.items()} == pytest.approx(
            {name: printed[name]["mean"] for name in SAME}, abs=1e-9
        )


def test_equal_scores_ignored_entries_and_blanks_in_ids(tmp_path):
    """Every score is one of three, so that trec_eval alone would order most entries by their ids."""
    edits = toy.edits()
    gallery = tuple(replace(entry, id=f"{entry.id} 100%\u00a0é") for entry in edits.gallery)
    ids = {old.id: new.id for old, new in zip(edits.gallery, gallery, strict=True)}

    def renamed(sets):
        return {query: frozenset(ids[entry] for entry in entries) for query, entries in sets.items()}

    source = {query.id: frozenset({ids[query.id.partition(":")[0]]}) for query in edits.queries}
    data = Dataset(edits.queries, gallery, renamed(edits.relevant), source, {}, renamed(edits.rejected))
    judgements = Judgements.of(data)
    shape = len(judgements.queries), len(gallery)
    scores = np.random.default_rng(0).integers(-1, 2, shape).astype(np.float32) / 2
    trec.write_qrels(judgements, tmp_path)
    trec.write_run(judgements, scores, tmp_path / "composed.run", tag="two words")
    found, ours = read_back(tmp_path), per_query(scores, judgements.relevant, ignore=judgements.ignore)
    assert {name: found[measure] for name, measure in SAME.items()} == pytest.approx(
        {name: ours[name].mean() for name in SAME}
    )
    lines = [line.split(" ") for line in (tmp_path / "composed.run").read_text().splitlines()]
    assert {len(line) for line in lines} == {6} and {line[5] for line in lines} == {"two_words"}
    assert len(lines) == shape[0] * (shape[1] - 1)
    assert {unquote(line[2]) for line in lines} == set(ids.values())
    judged = [line.split(" ") for line in (tmp_path / trec.QRELS).read_text().splitlines()]
    assert {line[3] for line in judged} == {"0", "1"}


@given(st.lists(st.floats(-(2.0**60), 2.0**60, width=32, allow_subnormal=False) | st.just(0.0) | st.just(-0.0)))
def test_scores_descend_strictly_and_change_only_where_they_were_equal(values):
    scores = np.sort(np.array(values, dtype=np.float32))[::-1]
    strict = trec.strictly_descending(scores)
    assert (strict[1:] < strict[:-1]).all() and (strict <= scores).all()
    if len(np.unique(scores)) == len(scores):
        assert (strict == scores).all()


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--protocol", "edits", "--data", "scenes=20"], "give --model"),
        (["--protocol", "paper", "--model", "compact", "--data", "scenes=20"], "not protocol paper"),
        (["--collection", "c"], "--trec has no meaning with --collection"),
    ],
)
def test_what_has_no_rankings_is_told(arguments, line, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["evaluate", *arguments, "--trec", "runs"]) == 2
    assert line in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("is_file", [True, False])
def test_what_is_there_stays_and_is_told_before_anything_is_embedded(tmp_path, monkeypatch, capsys, is_file):
    kept = tmp_path / "runs" if is_file else tmp_path / "runs" / "composed.run"
    kept.parent.mkdir(exist_ok=True)
    kept.write_text("mine")
    monkeypatch.setattr("twinlens.models.composer.Composer.load", None)
    data = ["--protocol", "edits", "--data", "scenes=20"]
    assert cli.main(["evaluate", "--model", "compact", *data, "--trec", str(tmp_path / "runs")]) == 2
    assert ("is a file" if is_file else "is there already") in capsys.readouterr().err
    assert kept.read_text() == "mine"


def test_a_split_without_answers_has_no_qrels(tmp_path, monkeypatch, capsys):
    query, entry = Sample("q", None, "red"), Sample("a", toy.edits().gallery[0].image)

    def load(_root, _split, *, protocol):
        return Dataset((query,), (entry,), {})

    monkeypatch.setattr("twinlens.datasets.shapes.load", load)
    assert cli.main(["evaluate", "--model", "compact", "--trec", str(tmp_path / "runs")]) == 2
    assert "has none" in capsys.readouterr().err
