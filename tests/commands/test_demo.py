"""The demo: the whole way, on pictures drawn on the spot, and nothing twice."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from twinlens.cli import main
from twinlens.collection import Collection


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def first(folder):
    assert main(["demo", "--out", str(folder), f"--json={folder / 'first.json'}"]) == 0
    return json.loads((folder / "first.json").read_text())


def test_it_finds_edited_pictures_and_shows_them(first, folder):
    assert first["pictures"] == first["added"] == len(list((folder / "pictures").glob("*.png")))
    assert [query["image"] is not None for query in first["queries"]] == [True] * 5 + [False] * 5
    assert sum(query["place"] == 1 for query in first["queries"]) >= 9
    assert (folder / "results.png").stat().st_size > 20_000
    assert (folder / "results.html").read_text().count("data:image/") > 20


def test_a_second_run_draws_and_embeds_nothing(first, folder, capsys):
    before = {path: path.stat().st_mtime_ns for path in (folder / "pictures").iterdir()}
    assert main(["demo", "--out", str(folder), "--json"]) == 0
    again = json.loads(capsys.readouterr().out)
    assert again["added"] == 0
    assert again["queries"] == first["queries"]
    assert {path: path.stat().st_mtime_ns for path in (folder / "pictures").iterdir()} == before


def test_it_ends_with_the_next_commands_and_they_run(first, folder, capsys, tmp_path, monkeypatch):
    assert main(["demo", "--out", str(folder)]) == 0
    lines = [line.strip() for line in capsys.readouterr().out.splitlines() if line.startswith("  twinlens ")]
    assert [line.split()[1] for line in lines] == ["index", "search", "info", "search", "serve"]
    monkeypatch.chdir(tmp_path)
    assert main(shlex.split(lines[-2])[1:]) == 0
    assert lines[-1] == f"twinlens serve --collection {folder / 'collection'}"


def test_the_page_gets_its_queries_as_examples(first, folder):
    examples = json.loads((folder / "collection" / "examples.json").read_text())
    assert [example["text"] for example in examples] == [query["text"] for query in first["queries"]]
    with Collection.open(folder / "collection") as collection:
        for example, query in zip(examples, first["queries"], strict=True):
            if query["image"] is None:
                assert example["image"] is None
            else:
                assert collection.entry(example["image"]).path.read_bytes() == Path(query["image"]).read_bytes()


def test_training_in_the_demo_makes_the_model_that_it_searches_with(tmp_path, monkeypatch):
    from twinlens.commands import demo

    monkeypatch.setattr(demo, "TRAINED_ON", 20)
    monkeypatch.setattr(demo, "EPOCHS", 1)
    monkeypatch.setattr(demo, "SCENES", 5)
    assert main(["demo", "--train", "--out", str(tmp_path), "--json"]) == 0
    assert (tmp_path / "collection").is_dir()
