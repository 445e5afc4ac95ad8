from __future__ import annotations

import json
from types import ModuleType

import pytest

from twinlens import cli
from twinlens.core import variants
from twinlens.datasets._source import Source

BENCHMARKS = ("circo", "cirr", "css", "fashion200k", "fashion_iq", "mit_states")


@pytest.fixture
def toy(monkeypatch) -> ModuleType:
    """A dataset `toy` beside the real ones that expects 25 files."""
    module = ModuleType("twinlens.datasets.toy", "Toy: pictures of toys.\n\nMore.")
    module.NOTE = "Toy: everything counts."
    module.SOURCE = Source("https://toys.example", "CC0", "1 MB", ("a/: https://toys.example/a.zip",))
    module.expected_files = lambda root: [root / f"{n:02d}.txt" for n in range(25)]
    known, load = variants.names, variants.load
    monkeypatch.setattr(variants, "names", lambda f: [*known(f), "toy"] if f == "datasets" else known(f))
    monkeypatch.setattr(variants, "load", lambda f, n: module if (f, n) == ("datasets", "toy") else load(f, n))
    return module


def test_the_listing_names_every_dataset(toy, capsys):
    assert cli.main(["data"]) == 0
    progress = capsys.readouterr().out
    assert all(name in progress for name in variants.names("datasets"))
    assert "Toy: pictures of toys." in progress


def test_a_dataset_says_where_it_comes_from_and_what_its_figures_mean(toy, capsys):
    assert cli.main(["data", "toy"]) == 0
    progress = capsys.readouterr().out
    for piece in ("https://toys.example", "CC0", "1 MB", "a/: https://toys.example/a.zip", "everything counts"):
        assert piece in progress


def test_json_has_the_same(toy, capsys):
    assert cli.main(["data", "toy", "--json"]) == 0
    about = json.loads(capsys.readouterr().out)
    assert about["source"]["licence"] == "CC0"
    assert cli.main(["data", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["datasets"]["toy"] == about


@pytest.mark.parametrize("name", BENCHMARKS)
def test_every_benchmark_states_source_metrics_and_rules(name, capsys):
    assert cli.main(["data", name, "--json"]) == 0
    about = json.loads(capsys.readouterr().out)
    assert about["source"]["homepage"].startswith("http")
    assert about["source"]["licence"] and about["source"]["size"] and about["source"]["files"]
    assert about["metrics"] and about["splits"] and about["protocols"] == ["benchmark"]
    assert "gallery" in about["note"]


@pytest.mark.parametrize("name", BENCHMARKS)
def test_an_empty_folder_lacks_something_of_every_benchmark(name, tmp_path, capsys):
    assert cli.main(["data", name, "--root", str(tmp_path)]) == 2
    assert f"missing: {tmp_path}" in capsys.readouterr().out


def test_a_complete_folder(toy, tmp_path, capsys):
    for path in toy.expected_files(tmp_path):
        path.touch()
    assert cli.main(["data", "toy", "--root", str(tmp_path)]) == 0
    assert "all 25 files of toy are there" in capsys.readouterr().out
    assert cli.main(["data", "toy", "--root", str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["complete"] is True


def test_missing_files_are_listed_20_and_a_count(toy, tmp_path, capsys):
    (tmp_path / "00.txt").touch()
    assert cli.main(["data", "toy", "--root", str(tmp_path)]) == 2
    progress = capsys.readouterr()
    assert progress.out.count("missing: ") == 20
    assert "… and 4 more" in progress.out
    assert "lacks 24 of 25 files" in progress.err and progress.err.count("\n") == 1


def test_json_lists_every_missing_file(toy, tmp_path, capsys):
    assert cli.main(["data", "toy", "--root", str(tmp_path), "--json"]) == 2
    result = json.loads(capsys.readouterr().out)
    assert (len(result["missing"]), result["expected"], result["complete"]) == (25, 25, False)
    assert result["missing"][0] == str(tmp_path / "00.txt")


def test_a_dataset_without_a_download(toy, tmp_path, capsys):
    del toy.SOURCE, toy.expected_files, toy.NOTE
    assert cli.main(["data", "toy"]) == 0
    assert "no download is known" in capsys.readouterr().out
    assert cli.main(["data", "toy", "--root", str(tmp_path)]) == 2
    assert "nothing to check" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--root", "."], "say which dataset"),
        (["cir"], "did you mean 'cirr'"),
        (["cirr", "--root", "/no/such/folder"], "no such folder"),
    ],
)
def test_mistakes_are_one_line(arguments, message, capsys):
    assert cli.main(["data", *arguments]) == 2
    progress = capsys.readouterr().err
    assert message in progress and progress.count("\n") == 1


def test_a_file_of_ones_own_is_described_without_its_checksum(tmp_path, capsys):
    file = tmp_path / "mine.py"
    file.write_text('"""Mine."""\nPROTOCOLS, SPLITS = ("edits",), ("test",)\n\n\ndef load(root, split): ...\n')
    assert cli.main(["data", str(file)]) == 0
    assert capsys.readouterr().out.startswith("mine.py: Mine.")
