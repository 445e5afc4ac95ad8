"""A folder of captioned tiles, a model that knows them, and command lines in an empty folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import toy
from twinlens import cli
from twinlens.models.composer import Composer


@pytest.fixture(scope="session")
def model(tmp_path_factory) -> Path:
    """A model folder of the toy recipe, untrained."""
    folder = tmp_path_factory.mktemp("model") / "toy"
    composer = Composer.build(toy.recipe())
    composer.fit(toy.edits().queries)
    composer.save(folder)
    return folder


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path.resolve() / "pictures"
    folder.mkdir()
    lines = ["file_name,text,year"]
    for n, color in enumerate(toy.COLOURS):
        toy.draw((color, color, "red")).save(folder / f"{color}.png")
        lines.append(f"{color}.png,a {color} tile,{2018 + n}")
    (folder / "metadata.csv").write_text("\n".join(lines))
    # Far from any city: no place, with the extra `place` or without.
    (folder / "red.json").write_text('{"latitude": 48.1, "longitude": -30.0}')
    return folder


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Run a command line in an empty folder: exit code, standard output, standard error."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: object) -> tuple[int, str, str]:
        code = cli.main([str(argument) for argument in arguments])
        return code, *capsys.readouterr()

    return call


@pytest.fixture
def indexed(run, pictures, model):
    """The same, with the pictures in the default collection."""
    assert run("index", pictures, "--model", model, "--workers", 0)[0] == 0
    return run
