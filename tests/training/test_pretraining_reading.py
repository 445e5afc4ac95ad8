"""Pretraining of `reading`, in small."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from twinlens.core.recipe import Recipe, Variant, find_recipe
from twinlens.core.types import Sample
from twinlens.models.composer import Composer
from twinlens.training.pretraining import __main__ as command
from twinlens.training.pretraining import reading

SIZES = {"facts": 64, "box_facts": 60, "width": 16, "box_width": 4, "scenes": 150}
SIZES |= {"vocabulary": 30, "symbols": 120, "embedding": 6, "hidden": 4}
FEW = {"scenes": 200, "steps": 3, "count": 50}
SAMPLES = [Sample("", None, "There is a blue circle."), Sample("", None, "a purple circle, so to speak")]


def small() -> Recipe:
    return find_recipe("reading").model_copy(update={"encoders": (Variant(name="facts", **SIZES),)})


@pytest.fixture(scope="module")
def made() -> Composer:
    return reading.make(small(), **FEW, progress=False)


def test_equal_seeds_make_equal_models(made):
    again = reading.make(small(), **FEW, progress=False)
    assert again.digest == made.digest
    np.testing.assert_array_equal(again.embed(SAMPLES), made.embed(SAMPLES))


def test_the_command_writes_a_model_that_loads(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(reading, "find_recipe", lambda _: small())
    options = ["--scenes", "200", "--steps", "3", "--sentences", "50"]
    monkeypatch.setattr(sys, "argv", ["pretraining", "reading", "--out", str(tmp_path / "mine"), *options])
    command.main()
    capsys.readouterr()
    loaded = Composer.load(tmp_path / "mine")
    assert loaded.provenance["sentences"] == 50
    assert loaded.embed(SAMPLES).shape == (2, 2 * 28 + 1)


def test_statements_of_a_box_are_different():
    statements = list(reading.statements_of_a_box())
    assert len(set(statements)) == len(statements) > 320
