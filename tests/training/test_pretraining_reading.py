"""Pretraining of `reading`, in small."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch

from twinlens.core.recipe import Recipe, Variant, find_recipe
from twinlens.core.types import Sample
from twinlens.models.composer import Composer
from twinlens.reading.words import grams
from twinlens.shapes.sentences import FAMILIES
from twinlens.training.pretraining import __main__ as command
from twinlens.training.pretraining import reading, sentences

SIZES = {"facts": 64, "box_facts": 60, "width": 16, "box_width": 4, "scenes": 150, "vocabulary": 300, "hidden": 8}
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


def test_rounded_weights_compute_what_was_trained(made):
    torch.manual_seed(0)
    layers = sentences.Layers(4, 6, 5).eval()
    known = ["blue", "circle", "blue circle", "blue … circle"]
    network = sentences._rounded(layers, known, 4)
    found = layers(sentences._numbered(["blue circle"], known))[0].detach().numpy()
    assert len([gram for gram in grams("blue circle") if gram in known]) == 4
    np.testing.assert_allclose(network("blue circle"), found / np.linalg.norm(found), atol=0.05)
    assert len(made.encoders[0].network.grams) <= 300


def test_held_out_kinds_are_kinds():
    assert set(sentences.HELD_OUT) < set(FAMILIES)
    assert set(sentences.HELD_OUT_DRAWN) < set(sentences.drawing.FAMILIES)


def test_statements_of_a_box_are_different():
    statements = list(reading.statements_of_a_box())
    assert len(set(statements)) == len(statements) > 320
