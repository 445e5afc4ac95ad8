"""twinlens compare, end to end on drawn scenes with encoders that nothing has trained."""

from __future__ import annotations

import json

import pytest

from tests.training.test_feature_cache import TOWERS
from twinlens.cli import main
from twinlens.evaluation.comparison.bench import Bench
from twinlens.evaluation.comparison.methods import BASELINES


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    path = tmp_path_factory.mktemp("recipe") / "tiny.toml"
    path.write_text(TOWERS.replace("width = 30", "width = 40"))
    return str(path)


def command(recipe, cache, *more):
    sizes = ["--data", "scenes=20", "--data", "texts=2", "--workers", "1"]
    return ["compare", "--recipe", recipe, "--repeats", "1", "--cache", str(cache), *sizes, *more]


@pytest.fixture(scope="module")
def cache(recipe, tmp_path_factory):
    folder = tmp_path_factory.mktemp("cache")
    assert main(command(recipe, folder, "--fusions", "concat, basic")) == 0
    return folder


def test_table_chart_and_json(recipe, cache, tmp_path, capsys):
    out, file = tmp_path / "out", tmp_path / "result.json"
    assert main(command(recipe, cache, "--fusions", "concat,basic", "--out", str(out), f"--json={file}")) == 0
    result = json.loads(file.read_text())
    assert result == json.loads((out / "results.json").read_text())
    assert set(result["methods"]) == {"concat", "basic", "pixel_count", "random", *BASELINES}
    assert result["environment"]["precision"] == "float32" and len(result["run_environments"]) == 1
    assert (result["dataset"], result["protocol"], result["metric"]) == ("shapes", "edits", "hit@1")
    table, printed = (out / "table.md").read_text(), capsys.readouterr().out
    for name in result["methods"]:
        assert name in table and name in printed
    assert "By hit@1 the best is" in table and "By hit@1 the best is" in " ".join(printed.split())
    assert (out / "chart.png").stat().st_size > 5_000


def test_a_second_run_reads_what_the_first_made(recipe, cache, capsys, monkeypatch):
    monkeypatch.setattr(Bench, "run", None)
    assert main(command(recipe, cache, "--fusions", "concat,basic", "--json")) == 0
    assert json.loads(capsys.readouterr().out)["repeats"] == 1


def test_finished_runs_alone_or_one_line(recipe, cache, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(Bench, "run", None)
    assert main(command(recipe, cache, "--fusions", "concat,basic", "--finished", "--json")) == 0
    capsys.readouterr()
    assert main(command(recipe, tmp_path, "--fusions", "concat,basic", "--finished", "--json")) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "learning rates: " in line and line.endswith("train them first")


def test_one_split_is_parted_by_groups(recipe, tmp_path, capsys):
    more = ["--fusions", "sum", "--train-split", "test", "--protocol", "grounded", "--data", "scenes=60", "--json"]
    assert main(command(recipe, tmp_path, *more)) == 0
    assert json.loads(capsys.readouterr().out)["queries"] > 0


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--fusions", "trig"], "did you mean 'tirg'"),
        (["--fusions", ","], "--fusions wants"),
        (["--repeats", "0"], "--repeats wants"),
        (["--metric", "hits@2"], "no metric 'hits@2'"),
        (["--rates", "0.1,fast"], "--rates wants"),
        (["--fusions", "gate+blocks"], "no option 'blocks'"),
        (["--recipe", "tower"], "unknown recipe"),
        (["--split", "dev"], "dev"),
    ],
)
def test_bad_input_gets_one_line_and_exit_code_2(recipe, tmp_path, capsys, arguments, line):
    assert main(command(recipe, tmp_path, *arguments)) == 2
    error = capsys.readouterr().err
    assert line in error and error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
