"""Exported models: the same vectors as the composer's, without torch, in any folder and process."""

from __future__ import annotations

import json
import pickle
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests import checkpoints, toy
from twinlens.collection import Collection
from twinlens.collection.ingest import Options
from twinlens.core import checksums
from twinlens.core.recipe import Recipe, find_recipe
from twinlens.core.types import Sample, TwinlensError
from twinlens.models import serving
from twinlens.models.composer import Composer
from twinlens.models.exported import ExportedModel
from twinlens.models.exported.writing import write
from twinlens.models.runtime import describe, load, measurements

PICTURE = toy.draw(("red", "green", "blue")).resize((90, 60))
BOTH = Sample("a", PICTURE, "make the left tile blue")
KINDS = {
    "one of both": [BOTH],
    "pictures": [Sample(str(n), toy.draw(("red", "red", "blue")).resize((60 + n, 60))) for n in range(5)],
    "sentences": [Sample("a", None, "red"), Sample("b", None, "the left tile is green")],
    "a mixture": [BOTH, Sample("b", PICTURE), Sample("c", None, "blue tile"), Sample("d", None, "")],
    "nothing": [Sample("a", None, "")],
    "no samples": [],
}
MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "HSV", "I;16", "I", "F")


def clip(folder) -> Composer:
    name = checkpoints.contrastive(folder, "clip")
    recipe = find_recipe("clip")
    encoders = [{**part.model_dump(), "checkpoint": name} for part in recipe.encoders]
    return Composer.build(Recipe.model_validate({**recipe.model_dump(), "encoders": encoders})).eval()


@pytest.fixture(scope="module", params=["toy", "clip"])
def composer(request, tmp_path_factory):
    """A network of both sides, and two towers side by side."""
    if request.param == "clip":
        return clip(tmp_path_factory.mktemp("clip"))
    made = Composer.build(toy.recipe())
    made.fit(toy.edits().queries)
    return made.eval()


@pytest.fixture(scope="module")
def folder(composer, tmp_path_factory):
    place = tmp_path_factory.mktemp("exported") / "model"
    assert write(composer, place) > 0.99999
    return place


@pytest.mark.parametrize("kind", KINDS)
def test_vectors_are_those_of_torch(composer, folder, kind):
    np.testing.assert_allclose(ExportedModel.load(folder).embed(KINDS[kind]), composer.embed(KINDS[kind]), atol=1e-5)


def test_what_is_compared_and_named_is_that_of_the_composer(composer, folder):
    model = ExportedModel.load(folder)
    assert (model.digest, model.dim, model.recipe) == (composer.digest, composer.dim, composer.recipe)
    assert ([*model.channels], model.own_similarity, model.rerank) == ([*composer.channels], None, None)
    assert model.cuts("word " * 200) == composer.cuts("word " * 200) and not model.cuts("word")
    assert describe(measurements(model)) == "ONNX Runtime, exported in float32"


def odd_pictures(count: int) -> list[Image.Image]:
    """Pictures of all modes and of sizes from one pixel on."""
    rng, made = np.random.default_rng(0), []
    for n in range(count):
        width, height = (int(side) for side in rng.choice([1, 2, 3, 17, 40, 97, 250], 2))
        coarse = Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))
        mode = MODES[n % len(MODES)]
        made.append(coarse if mode == "LAB" else coarse.convert("L" if mode[0] in "IF" else mode))
        if mode[0] in "IF":
            made[-1] = made[-1].convert("I" if mode == "I;16" else mode).convert(mode)
    return made


def test_odd_pictures_have_the_same_vectors(composer, folder):
    samples = [Sample(str(n), picture) for n, picture in enumerate(odd_pictures(500))]
    found, wanted = ExportedModel.load(folder).embed(samples), composer.embed(samples)
    assert (found * wanted).sum(1).min() >= 0.99999


def test_it_needs_no_torch(composer, folder, tmp_path):
    PICTURE.save(tmp_path / "p.png")
    code = f"""
import json, sys
sys.modules.update(dict.fromkeys(("torch", "transformers", "scipy", "sklearn", "cv2", "matplotlib", "onnx")))
from pathlib import Path
from twinlens.models.exported import ExportedModel
from twinlens.core.types import Sample
samples = [Sample("a", Path({str(tmp_path / "p.png")!r}), "red"), Sample("b", None, "blue")]
print(json.dumps(ExportedModel.load({str(folder)!r}).embed(samples).tolist()))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    wanted = composer.embed([Sample("a", tmp_path / "p.png", "red"), Sample("b", None, "blue")])
    np.testing.assert_allclose(json.loads(done.stdout), wanted, atol=1e-5)


def test_other_processes_and_threads_have_the_same(composer, folder):
    model = pickle.loads(pickle.dumps(ExportedModel.load(folder)))
    found: list[np.ndarray] = []
    threads = [threading.Thread(target=lambda: found.append(model.embed(KINDS["a mixture"]))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for vectors in found:
        np.testing.assert_allclose(vectors, composer.embed(KINDS["a mixture"]), atol=1e-5)
    assert len(found) == 4


def test_a_copy_shares_its_files_and_outlives_the_first(folder, tmp_path):
    ExportedModel.load(folder).save(tmp_path / "copy")
    graph = next(path for path in (tmp_path / "copy").rglob("*.onnx"))
    assert graph.samefile(folder / graph.relative_to(tmp_path / "copy"))
    names = [[path.relative_to(place) for path in checksums.files(place)] for place in (folder, tmp_path / "copy")]
    assert {*names[0]} - {*names[1]} == {Path(checksums.CHECKSUMS)}
    np.testing.assert_array_equal(
        ExportedModel.load(tmp_path / "copy").embed(KINDS["one of both"]),
        ExportedModel.load(folder).embed(KINDS["one of both"]),
    )


def test_a_collection_keeps_runs_and_checks_it(composer, folder, tmp_path):
    place = tmp_path / "pictures"
    place.mkdir()
    for name, tiles in (("red", ("red",) * 3), ("blue", ("blue",) * 3)):
        toy.draw(tiles).resize((90, 60)).save(place / f"{name}.png")
    with Collection.create(tmp_path / "c", serving.load(folder)) as collection:
        collection.add(place, options=Options(workers=0))
        assert collection.generation.digest == composer.digest
    with Collection.open(tmp_path / "c") as collection:
        assert isinstance(collection.model, ExportedModel) and collection.verify() == []
        hits = collection.search(place / "red.png", with_self=True)
        assert hits[0].sample.image == place / "red.png"
        wanted = composer.embed([Sample("q", place / "red.png")])
        np.testing.assert_allclose(collection.entries_with_vectors()[1][1:], wanted, atol=1e-5)
    graph = next((tmp_path / "c").rglob("model.onnx"))
    content = graph.read_bytes()
    graph.unlink()  # its content is shared with the folder that the model is from
    graph.write_bytes(content[:-1])
    assert any("is damaged" in line for line in Collection.open(tmp_path / "c").verify())


def test_a_model_under_another_name_is_not_what_made_the_vectors(folder, tmp_path):
    shutil.copytree(folder, tmp_path / ("0" * 32))
    with pytest.raises(TwinlensError, match="is not the one that made its vectors"):
        load(tmp_path / ("0" * 32))


def damaged(folder, name: str, content) -> None:
    (folder / name).write_text(content if isinstance(content, str) else json.dumps(content))
    checksums.write(folder)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"format": 99}, "of another version"),
        ({"graphs": {"0": "../0.onnx"}}, "outside the folder"),
        ({"graphs": {"0": "/0.onnx"}}, "outside the folder"),
        ({"towers": [{}]}, "cannot be read"),
        ({"channels": [1]}, "cannot be read"),
        ({"preparations": 3}, "cannot be read"),
        ({"adapters": {"0": {"x": 1}}}, "cannot be read"),
    ],
)
def test_descriptions_that_are_wrong_are_one_line(folder, tmp_path, change, line):
    shutil.copytree(folder, tmp_path / "x")
    about = json.loads((folder / "export.json").read_text())
    damaged(tmp_path / "x", "export.json", {**about, **change})
    with pytest.raises(TwinlensError, match=line) as caught:
        ExportedModel.load(tmp_path / "x")
    assert "\n" not in str(caught.value)


def test_a_damaged_or_missing_file_is_one_line(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "x")
    damaged(tmp_path / "x", "export.json", "no JSON")
    with pytest.raises(TwinlensError, match="export the model again"):
        ExportedModel.load(tmp_path / "x")
    shutil.copytree(folder, tmp_path / "y")
    next((tmp_path / "y").rglob("tokenizer.json")).unlink()
    with pytest.raises(TwinlensError, match="copy the whole model folder again"):
        ExportedModel.load(tmp_path / "y")


def exchanged(path: Path, place: int) -> None:
    """Change a byte in place, so that all names of the file have it; its size stays."""
    content = bytearray(path.read_bytes())
    content[place] ^= 0x40
    path.write_bytes(content)


def test_large_graphs_that_are_exchanged_in_place_are_noticed(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(checksums, "SMALL", 4096)  # large files are not read at each opening
    shutil.copytree(folder, tmp_path / "mine")
    place = tmp_path / "pictures"
    place.mkdir()
    PICTURE.save(place / "a.png")
    with Collection.create(tmp_path / "c", serving.load(tmp_path / "mine")) as collection:
        collection.add(place, options=Options(workers=0))
    graph = next((tmp_path / "mine").rglob("model.onnx"))
    exchanged(graph, len(graph.read_bytes()) // 2)
    for damaged in (tmp_path / "mine", next((tmp_path / "c" / "model").iterdir())):
        with pytest.raises(TwinlensError, match="is damaged; copy the whole model folder again"):
            ExportedModel.load(damaged)


def test_a_damaged_copy_does_not_repair_a_collection(folder, tmp_path, monkeypatch):
    with Collection.create(tmp_path / "c", serving.load(folder)):
        pass
    kept = next((tmp_path / "c").rglob("model.onnx"))
    kept.unlink()
    shutil.copytree(folder, tmp_path / "damaged")
    model = serving.load(tmp_path / "damaged")
    exchanged(next((tmp_path / "damaged").rglob("model.onnx")), 500)
    with pytest.raises(TwinlensError, match="is damaged"):
        Collection.mend(tmp_path / "c", composer=model)
    Collection.mend(tmp_path / "c", composer=serving.load(folder))
    assert Collection.open(tmp_path / "c").verify() == [] and kept.is_file()


def test_a_collections_model_holds_nothing_but_its_files(folder, tmp_path):
    with Collection.create(tmp_path / "c", serving.load(folder)):
        pass
    (kept,) = (tmp_path / "c" / "model").iterdir()
    assert {path.relative_to(kept) for path in kept.rglob("*") if path.is_file()} == {
        path.relative_to(folder) for path in checksums.files(folder)
    }


@pytest.mark.parametrize("change", [{"dim": 7}, {"sides": {"width": [1]}}, {"towers": []}])
def test_networks_that_do_not_fit_their_description_are_one_line(folder, tmp_path, change):
    shutil.copytree(folder, tmp_path / "x")
    about = json.loads((folder / "export.json").read_text())
    damaged(tmp_path / "x", "export.json", {**about, **change})
    with pytest.raises(TwinlensError, match="export the model again"):
        ExportedModel.load(tmp_path / "x").embed([BOTH])


def test_a_graph_that_is_a_link_is_refused(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "x")
    graph = next((tmp_path / "x").rglob("model.onnx"))
    graph.rename(tmp_path / "elsewhere.onnx")
    graph.symlink_to(tmp_path / "elsewhere.onnx")
    (tmp_path / "x" / checksums.CHECKSUMS).unlink()
    with pytest.raises(TwinlensError, match="is no file, or a link to one"):
        ExportedModel.load(tmp_path / "x").embed([BOTH])


def test_training_gets_the_composer_again_or_says_why_not(composer, folder, tmp_path):
    model = ExportedModel.load(folder)
    if composer.recipe.name == "clip":
        assert model.composer.digest == composer.digest
        return
    with pytest.raises(TwinlensError, match="index with a model that has them: twinlens index DIR --runtime torch"):
        _ = model.composer
    composer.save(tmp_path / "beside")
    write(composer, tmp_path / "beside", beside=True)
    assert ExportedModel.load(tmp_path / "beside").composer.digest == composer.digest
