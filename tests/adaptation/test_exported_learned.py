"""A collection that an export serves still is served by one after its fusion has changed."""

from __future__ import annotations

import pytest

from tests import checkpoints, toy
from tests.pictures import ALONE, draw
from twinlens.adaptation import revert
from twinlens.adaptation.embedded_gallery import block_fusion
from twinlens.adaptation.fitting import converter
from twinlens.collection import Collection
from twinlens.core.recipe import Recipe, Variant
from twinlens.core.types import Sample
from twinlens.models.composer import Composer
from twinlens.models.exported import ExportedModel, writing
from twinlens.models.exported.writing import exported_like, write
from twinlens.models.runtime.export import export


@pytest.fixture
def calibrated(tmp_path):
    folder = checkpoints.contrastive(tmp_path / "clip")
    towers = [{"name": name, "checkpoint": folder} for name in ("clip_image", "clip_text")]
    fusion = {"name": "calibrated", "shared": True}
    recipe = {"name": "x", "encoders": towers, "fusion": fusion, "training": {"frozen": ["clip_image", "clip_text"]}}
    return Composer.build(Recipe.model_validate(recipe)).eval()


def exported(monkeypatch) -> list[str]:
    """The names of the graphs that are made from now on."""
    made: list[str] = []

    def noted(part, arrays, file):
        made.append(file.name)
        return export(part, arrays, file)

    monkeypatch.setattr(writing, "export", noted)
    return made


def test_a_trained_fusion_is_exported_too_and_so_is_its_end(calibrated, tmp_path, monkeypatch):
    calibrated.save(tmp_path / "m")
    write(calibrated, tmp_path / "m", beside=True)
    for seed in range(5):
        draw(tmp_path / "p" / f"{seed}.png", seed)
    query = {"image": tmp_path / "p" / "0.png", "text": "a red circle", "with_self": True}
    with Collection.create(tmp_path / "c", ExportedModel.load(tmp_path / "m")) as collection:
        collection.add(tmp_path / "p", options=ALONE)
        before = {hit.id: hit.score for hit in collection.search(**query)}
        towers = [(tmp_path / "m" / f"encoder-{n}" / "model.onnx").read_bytes() for n in range(2)]
        learned = calibrated.with_fusion(Variant(name="learned", shared=True), seed=1).eval()
        learned.provenance["learned"] = {}
        made = exported(monkeypatch)
        with exported_like(collection.model, learned) as served:
            convert = converter(block_fusion(calibrated), block_fusion(learned))
            collection.replace_model(collection.generation, served, convert)
        assert made and all(name.startswith("head") for name in made)
        assert isinstance(collection.model, ExportedModel)
        assert collection.model.folder.is_relative_to(collection.folder)
        assert collection.model.digest == learned.digest
        served = collection.model.folder
        assert [(served / f"encoder-{n}" / "model.onnx").read_bytes() for n in range(2)] == towers
        sample = Sample("q", query["image"], query["text"])
        assert float((collection.model.embed([sample]) * learned.embed([sample])).sum()) > 0.99999
        assert len(collection.search(**query)) == 5
        assert collection.verify() == []

        assert revert(collection)
        assert isinstance(collection.model, ExportedModel)
        assert {hit.id: hit.score for hit in collection.search(**query)} == pytest.approx(before, abs=1e-4)


def test_where_no_export_serves_none_is_made():
    composer = Composer.build(toy.recipe())
    with exported_like(composer, composer) as served:
        assert served is composer
