"""The gate over the query's picture: the same from torch, from an export, and from ONNX Runtime's cache."""

from __future__ import annotations

import shutil

import numpy as np
import onnx
import pytest

from tests import toy
from twinlens.collection.model import NO_GATE, gate_map
from twinlens.core import checksums
from twinlens.core.recipe import Variant
from twinlens.core.types import Sample
from twinlens.models import shipped
from twinlens.models.composer import Composer
from twinlens.models.exported import ExportedModel
from twinlens.models.exported.writing import write
from twinlens.models.runtime import Runtime

PICTURE = toy.draw(("red", "green", "blue")).resize((90, 60))
SAMPLES = [Sample("both", PICTURE, "make the left tile blue"), Sample("picture", PICTURE)]


@pytest.fixture(scope="module")
def composer():
    made = Composer.build(toy.recipe())
    made.fit(toy.edits().queries)
    return made.eval()


def without_gate(folder, place):
    """The same export as earlier versions wrote it: its head has one output."""
    shutil.copytree(folder, place)
    head = onnx.load(place / "head-0.onnx")
    del head.graph.output[1]
    onnx.save(head, place / "head-0.onnx")
    checksums.write(place)
    return place


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.id)
def test_an_export_has_the_map_of_torch(composer, tmp_path, sample):
    write(composer, tmp_path / "model")
    wanted, found = composer.gate_map(sample), ExportedModel.load(tmp_path / "model").gate_map(sample)
    assert wanted.shape == found.shape == (1, 3)
    assert 0 <= wanted.min() <= wanted.max() <= 1
    np.testing.assert_allclose(found, wanted, atol=1e-5)


@pytest.mark.parametrize("mode", ["torch", "onnx"])
def test_a_runtime_has_the_map_of_torch(composer, mode, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    runtime = Runtime(composer=composer, mode=mode)
    runtime.embed(SAMPLES)
    np.testing.assert_allclose(runtime.gate_map(SAMPLES[0]), composer.gate_map(SAMPLES[0]), atol=1e-5)


def test_the_words_move_the_gate():
    compact = Composer.load("compact")
    maps = [compact.gate_map(Sample("q", PICTURE, text)) for text in ("", "make the left tile blue")]
    assert np.abs(maps[0] - maps[1]).max() > 1e-3


def test_the_shipped_compact_model_has_the_map_of_its_weights():
    exported, weights = ExportedModel.load(shipped.located("compact")), Composer.load("compact")
    assert exported.digest == weights.digest == "2130ab71b94875f4541a8d928e36efd3"  # as indexed by earlier versions
    found = exported.gate_map(SAMPLES[0])
    assert found.shape == (4, 16)
    np.testing.assert_allclose(found, weights.gate_map(SAMPLES[0]), atol=1e-5)


def test_an_export_of_an_earlier_version_still_serves_without_a_map(composer, tmp_path):
    write(composer, tmp_path / "model")
    old = ExportedModel.load(without_gate(tmp_path / "model", tmp_path / "old"))
    np.testing.assert_array_equal(old.embed(SAMPLES), ExportedModel.load(tmp_path / "model").embed(SAMPLES))
    assert gate_map(old, SAMPLES[0]) == (None, NO_GATE)
    assert Runtime(composer=composer, mode="torch").gate_map(SAMPLES[0]) is not None


def test_a_fusion_of_vectors_has_no_map(composer):
    tirg = composer.with_fusion(Variant(name="tirg"))
    assert tirg.gate_map(SAMPLES[0]) is None
    assert gate_map(tirg, SAMPLES[0]) == (None, NO_GATE)
    assert gate_map(object(), SAMPLES[0]) == (None, NO_GATE)
