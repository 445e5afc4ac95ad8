"""Models are known by their content: a folder's name, or one file of it, changes nobody else's answers."""

from __future__ import annotations

import json
import os
import shutil
import time
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from tests import toy
from tests.pictures import draw
from twinlens.collection import Collection
from twinlens.collection.ingest import Options
from twinlens.core import machine
from twinlens.core.types import Sample, TwinlensError
from twinlens.models.composer import Composer
from twinlens.models.runtime import Runtime, cache, fingerprint, load

FIXTURES = Path(__file__).parents[2] / "fixtures"
SHIPPED = [Path(str(resources.files("twinlens") / "models" / name)) for name in ("compact", "reading", "towers")]
SENTENCE = Sample("a", None, "make the left tile red")


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def saved(folder: Path, *, seed: int = 0, name: str | None = None) -> Path:
    """A folder of a toy model, named by its digest unless another name is given."""
    composer = Composer.build(toy.recipe(), seed=seed)
    composer.fit(toy.edits().queries)
    target = folder / (name or composer.digest)
    composer.save(target)
    return target


def age(folder: Path) -> None:
    """Let the files be old enough to be trusted to have changed for the last time."""
    fingerprint.SETTLED_NS = 0
    time.sleep(0.02)


@pytest.fixture(autouse=True)
def settle_later(monkeypatch):
    monkeypatch.setattr(fingerprint, "SETTLED_NS", fingerprint.SETTLED_NS)


@pytest.mark.parametrize("folder", [*SHIPPED, FIXTURES / "model-0.1"], ids=lambda folder: folder.name)
def test_a_folders_digest_is_that_of_the_loaded_model(folder):
    composer, found = Composer.load(folder), fingerprint.of_folder(folder)
    assert found is not None and found.digest == composer.digest


def test_a_model_in_memory_has_the_fingerprint_of_its_folder(tmp_path, toy_composer):
    toy_composer.save(tmp_path / "m")
    assert fingerprint.of_composer(toy_composer) == fingerprint.of_folder(tmp_path / "m")
    assert fingerprint.of_composer(Composer.load(tmp_path / "m")) == fingerprint.of_folder(tmp_path / "m")


def change(path: Path) -> None:
    """Change one byte in the middle of a file, and neither its size nor its time."""
    status, data = path.stat(), bytearray(path.read_bytes())
    place = len(data) // 2
    while not chr(data[place]).isalpha() or chr(data[place]) in "eE":  # JSON stays JSON, and a name a name
        place += 1
    data[place] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.mark.parametrize("remembered", [False, True])
@pytest.mark.parametrize("name", ["model.safetensors", "encoder-0/tokenizer.json"])
def test_a_changed_byte_is_another_model(tmp_path, name, remembered):
    folder = saved(tmp_path)
    if remembered:
        age(folder)
    before = fingerprint.of_folder(folder)
    assert (machine.default_cache() / fingerprint.KNOWN).exists() == remembered
    change(folder / name)
    now = fingerprint.of_folder(folder)
    assert now is None or now.whole != before.whole
    assert (now is not None and now.digest == before.digest) == (name != "model.safetensors")


def test_notes_beside_a_model_are_not_part_of_it(tmp_path):
    folder = saved(tmp_path)
    before = fingerprint.of_folder(folder)
    (folder / "provenance.json").write_text("{}")
    (folder / "LICENSE").write_text("…")
    assert fingerprint.of_folder(folder) == before


def test_what_is_remembered_is_not_hashed_again(tmp_path, monkeypatch):
    folder = saved(tmp_path)
    age(folder)
    before = fingerprint.of_folder(folder)
    monkeypatch.setattr(fingerprint, "_computed", lambda folder: pytest.fail("hashed again"))
    assert fingerprint.of_folder(folder) == before
    shutil.copytree(folder, tmp_path / "copy")
    with pytest.raises(pytest.fail.Exception, match="hashed again"):
        fingerprint.of_folder(tmp_path / "copy")


@pytest.mark.parametrize("content", ["{", "[]", '{"x": 1}', "null", "\0"])
def test_a_damaged_memory_of_fingerprints_is_none(tmp_path, content):
    folder = saved(tmp_path)
    before = fingerprint.of_folder(folder)
    memory = machine.default_cache() / fingerprint.KNOWN
    memory.parent.mkdir(parents=True, exist_ok=True)
    memory.write_text(content)
    assert fingerprint.of_folder(folder) == before
    memory.write_text(json.dumps({os.path.realpath(folder): content}))
    assert fingerprint.of_folder(folder) in (before, None)


def test_few_folders_are_remembered(tmp_path, monkeypatch):
    monkeypatch.setattr(fingerprint, "KEPT", 2)
    for n in range(4):
        age(saved(tmp_path, name=str(n)))
        fingerprint.of_folder(tmp_path / str(n))
    known = json.loads((machine.default_cache() / fingerprint.KNOWN).read_text())
    assert [Path(name).name for name in known] == ["2", "3"]


@pytest.mark.parametrize("damage", ["none", "empty", "cut", "header", "recipe"])
def test_what_cannot_be_read_has_no_fingerprint(tmp_path, damage):
    folder = saved(tmp_path)
    weights = folder / "model.safetensors"
    if damage == "none":
        weights.unlink()
    elif damage == "empty":
        weights.write_bytes(b"")
    elif damage == "cut":
        os.truncate(weights, weights.stat().st_size - 1)
    elif damage == "header":
        weights.write_bytes(b"\xff" * 100)
    else:
        (folder / "recipe.toml").write_text("[")
    assert fingerprint.of_folder(folder) is None


def sent(folder: Path, genuine: Path) -> Path:
    """Another model in a folder that has the name of mine."""
    other = saved(folder, seed=7, name=genuine.name)
    assert Composer.load(other).digest != genuine.name
    return other


def test_a_foreign_model_of_my_models_name_is_not_run_by_my_networks_and_leaves_none(tmp_path):
    mine = saved(tmp_path / "mine")
    model = load(mine, mode="onnx")
    wanted = model.embed([SENTENCE])
    kept = sorted(path.name for path in cache.home().iterdir())
    assert kept == [model.cache_key]
    before = (cache.home() / kept[0] / cache.MANIFEST).read_bytes()
    for mode in ("auto", "onnx", "torch"):
        foreign = load(sent(tmp_path / mode, mine), mode=mode)
        assert foreign.measurements["networks"] == {}
        for use in (foreign.embed, foreign.embed_prepared, lambda _, model=foreign: model.digest):
            with pytest.raises(TwinlensError, match="is not the one that made its vectors"):
                use([SENTENCE])
        if mode != "torch":
            with pytest.raises(TwinlensError, match="is not the one that made its vectors"):
                foreign.tune()
    assert sorted(path.name for path in cache.home().iterdir()) == kept
    assert (cache.home() / kept[0] / cache.MANIFEST).read_bytes() == before
    np.testing.assert_array_equal(load(mine, mode="onnx").embed([SENTENCE]), wanted)


def test_a_foreign_tokenizer_beside_my_weights_has_networks_of_its_own(tmp_path):
    mine = saved(tmp_path / "mine")
    wanted = load(mine, mode="onnx").embed([SENTENCE])
    theirs = Path(shutil.copytree(mine, tmp_path / "theirs" / mine.name))
    file = theirs / "encoder-0" / "tokenizer.json"
    told = json.loads(file.read_text())
    ids = told["model"]["vocab"]
    ids["left"], ids["red"] = ids["red"], ids["left"]
    file.write_text(json.dumps(told))
    other = load(theirs, mode="onnx")
    assert other.measurements["networks"] == {}
    assert np.abs(other.embed([SENTENCE]) - wanted).max() > 2e-5
    np.testing.assert_array_equal(load(mine, mode="onnx").embed([SENTENCE]), wanted)


def test_a_collection_that_was_sent_changes_nothing_in_mine(tmp_path):
    for n in range(3):
        draw(tmp_path / "pictures" / f"{n}.png", n)
    model = Composer.load(saved(tmp_path))
    with Collection.create(tmp_path / "mine", Runtime(composer=model, mode="onnx")) as mine:
        mine.add(tmp_path / "pictures", options=Options(workers=0))
        wanted = [(hit.sample.id, hit.score) for hit in mine.search(text=SENTENCE.text)]
    shutil.copytree(tmp_path / "mine", tmp_path / "sent")
    (folder,) = (tmp_path / "sent" / "model").iterdir()
    shutil.rmtree(folder)
    sent(folder.parent, Path(folder.name))
    with Collection.open(tmp_path / "sent") as theirs:
        with pytest.raises(TwinlensError, match="is not the one that made its vectors"):
            theirs.search(text=SENTENCE.text)
        assert any("is not the one that made its vectors" in line for line in theirs.verify())
        with pytest.raises(TwinlensError, match="is not the one that made its vectors"):
            theirs.add(draw(tmp_path / "new.png", 9), options=Options(workers=0))
        theirs.repair(composer=model, options=Options(workers=0))
        assert theirs.verify() == []
    with Collection.open(tmp_path / "mine") as mine:
        assert [(hit.sample.id, hit.score) for hit in mine.search(text=SENTENCE.text)] == wanted


def with_other_kind(folder: Path, target: Path) -> Path:
    """A model whose weights have the same bytes, but one tensor of them is read as whole numbers."""
    shutil.copytree(folder, target)
    weights = target / "model.safetensors"
    data = weights.read_bytes()
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    next(tensor for name, tensor in sorted(header.items()) if name.startswith("fusion"))["dtype"] = "I32"
    text = json.dumps(header).encode()
    weights.write_bytes(len(text).to_bytes(8, "little") + text + data[8 + size :])
    (target / "checksums.json").unlink(missing_ok=True)
    return target


def test_the_same_bytes_of_another_kind_are_another_model(tmp_path):
    mine = saved(tmp_path / "mine")
    evil = with_other_kind(mine, tmp_path / "evil")
    other = Composer.load(evil)
    assert other.digest != Composer.load(mine).digest
    named = evil.rename(tmp_path / other.digest)
    assert fingerprint.of_folder(named).whole != fingerprint.of_folder(mine).whole
    wanted = Runtime(folder=mine, mode="torch").embed([SENTENCE])
    runtime = load(named, mode="onnx")
    assert not np.allclose(runtime.embed([SENTENCE]), wanted)
    assert runtime.cache_key != load(mine).cache_key
    np.testing.assert_allclose(load(mine, mode="onnx").embed([SENTENCE]), wanted, atol=1e-5)
