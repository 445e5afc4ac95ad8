"""`twinlens export`: a model as a folder of graphs, by its folder or name."""

from __future__ import annotations

import json

import pytest

from twinlens import cli
from twinlens.models import serving
from twinlens.models.composer import Composer
from twinlens.models.exported import ExportedModel


def test_a_model_is_written_by_its_name_and_used_by_its_folder(tmp_path, capsys):
    assert cli.main(["export", "compact", "--out", str(tmp_path / "compact")]) == 0
    told = capsys.readouterr().out
    assert "cosine" in told and f"twinlens index DIR --model {tmp_path / 'compact'}" in told
    model = serving.load(tmp_path / "compact")
    assert isinstance(model, ExportedModel) and model.digest == Composer.load("compact").digest


def test_json_has_the_size_and_the_cosine(tmp_path, capsys):
    Composer.load("compact").save(tmp_path / "mine")
    given = ["export", str(tmp_path / "mine"), "--out", str(tmp_path / "half"), "--precision", "float16", "--json"]
    assert cli.main(given) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["cosine"] > 0.9999 and result["precision"] == "float16"
    assert result["bytes"] == sum(path.stat().st_size for path in (tmp_path / "half").rglob("*") if path.is_file())


def test_graphs_go_beside_the_weights_where_the_folder_is_the_models_own(tmp_path):
    Composer.load("compact").save(tmp_path / "mine")
    before = Composer.load(tmp_path / "mine").digest
    assert cli.main(["export", str(tmp_path / "mine"), "--out", str(tmp_path / "mine"), "--json"]) == 0
    model = serving.load(tmp_path / "mine")
    assert isinstance(model, ExportedModel) and model.digest == Composer.load(tmp_path / "mine").digest == before


@pytest.mark.parametrize(
    ("given", "line"),
    [
        (["towers", "--out", "new"], "the encoder referring prepares pictures by itself, and cannot be exported"),
        (["nowhere", "--out", "new"], "no such model folder: nowhere; models that ship are compact"),
        (["paper", "--out", "new"], "ships no trained model for the recipe paper"),
        (["compact", "--out", "new", "--precision", "tiny"], "the precision is float32, float16, int8, not 'tiny'"),
        (["compact", "--out", "."], "is there already; give a new folder"),
    ],
)
def test_what_cannot_be_exported_is_one_line_and_leaves_nothing(tmp_path, monkeypatch, capsys, given, line):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "other").touch()
    assert cli.main(["export", *given]) == 2
    told = capsys.readouterr().err
    assert line in told and told.count("twinlens: ") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["other"]
