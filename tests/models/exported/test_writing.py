"""Exports that are refused leave nothing; smaller numbers are taken where vectors stay."""

from __future__ import annotations

import shutil

import pytest

from tests import toy
from twinlens.core.recipe import Recipe
from twinlens.core.types import Sample, TwinlensError
from twinlens.models.composer import Composer
from twinlens.models.exported import ExportedModel, precision, writing

PANELS = """
name = "panels"
dim = 12
[[encoders]]
name = "panels"
[[encoders]]
name = "ngrams"
[fusion]
name = "concat"
"""
SCORES = """
name = "scores"
[[encoders]]
name = "bert"
layers = 1
dim = 12
heads = 2
[[encoders]]
name = "patches"
dim = 12
[fusion]
name = "product"
"""


@pytest.fixture(scope="module")
def composer():
    made = Composer.build(toy.recipe())
    made.fit(toy.edits().queries)
    return made.eval()


@pytest.mark.parametrize(
    ("recipe", "line"),
    [
        (PANELS, "the encoder panels prepares pictures by itself, and cannot be exported"),
        (SCORES, "the fusion product composes scores, which no graph does"),
    ],
)
def test_what_cannot_run_without_torch_is_refused(tmp_path, recipe, line):
    with pytest.raises(TwinlensError, match=line):
        writing.write(Composer.build(Recipe.parse(recipe, source="x")).eval(), tmp_path / "x")
    assert [*tmp_path.iterdir()] == []


def test_a_folder_that_is_there_is_left_alone(composer, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes").write_text("x")
    with pytest.raises(TwinlensError, match="is there already; give a new folder"):
        writing.write(composer, tmp_path / "mine")
    (tmp_path / "file").touch()
    with pytest.raises(TwinlensError, match="is there already"):
        writing.write(composer, tmp_path / "file")
    with pytest.raises(TwinlensError, match="cannot write the model"):
        writing.write(composer, tmp_path / "file" / "below")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "mine"]


def test_half_the_size_has_nearly_the_same_vectors_and_another_digest(composer, tmp_path):
    assert writing.write(composer, tmp_path / "half", precision="float16") > 0.9999
    half = ExportedModel.load(tmp_path / "half")
    samples = [Sample("a", toy.draw(("red", "green", "blue")), "red"), Sample("b", None, "blue tile")]
    assert (half.embed(samples) * composer.embed(samples)).sum(1).min() > 0.9999
    assert half.digest != composer.digest and half.about.precision == "float16"


def test_graphs_of_other_weights_are_refused_with_the_cosine(composer, tmp_path):
    writing.write(composer, tmp_path / "mine")
    other = Composer.build(toy.recipe(), seed=1)
    other.fit(toy.edits().queries)
    with pytest.raises(TwinlensError, match=r"the vectors differ from plain torch's \(cosine "):
        writing.write(other.eval(), tmp_path / "x", towers=ExportedModel.load(tmp_path / "mine"))
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_numbers_too_small_are_refused_with_the_cosine(composer, tmp_path, monkeypatch):
    def spoilt(file, kind):
        import onnx

        proto = onnx.load(file)
        for tensor in proto.graph.initializer:
            if tensor.data_type == onnx.TensorProto.FLOAT and len(tensor.dims) == 2:
                values = onnx.numpy_helper.to_array(tensor)
                tensor.CopyFrom(onnx.numpy_helper.from_array((values > 0).astype("float32") * 0.1, tensor.name))
        onnx.save(proto, file)

    monkeypatch.setattr(writing, "reduce", spoilt)
    with pytest.raises(TwinlensError, match=r"in int8 the vectors differ from plain torch's \(cosine "):
        writing.write(composer, tmp_path / "x", precision="int8")
    assert [*tmp_path.iterdir()] == []


def test_int8_graphs_are_a_quarter(composer, tmp_path):
    from twinlens.models.runtime.export import export
    from twinlens.models.runtime.reference import Reference

    reference = Reference(composer, writing.SAMPLES)
    inputs = {key: array[:3] for key, array in reference.arrays["0"].items()}
    assert export(reference.plain["0"], inputs, tmp_path / "float32.onnx") is None
    shutil.copy(tmp_path / "float32.onnx", tmp_path / "int8.onnx")
    for kind in ("float32", "int8"):
        precision.reduce(tmp_path / f"{kind}.onnx", kind)
    import onnx

    kinds = {tensor.data_type for tensor in onnx.load(tmp_path / "int8.onnx").graph.initializer}
    assert onnx.TensorProto.INT8 in kinds
    assert {path.name for path in tmp_path.iterdir()} == {"float32.onnx", "int8.onnx"}


def test_an_unknown_precision_is_one_line(composer, tmp_path):
    with pytest.raises(TwinlensError, match="the precision is float32, float16, int8, not 'tiny'"):
        writing.write(composer, tmp_path / "x", precision="tiny")
