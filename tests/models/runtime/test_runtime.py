from __future__ import annotations

import json
import pickle
import subprocess
import sys

import numpy as np
import pytest
from torch import nn

from tests import checkpoints, toy
from tests.mean_color import MeanColor
from twinlens.core.recipe import find_recipe
from twinlens.core.types import Sample, TwinlensError
from twinlens.models.composer import Composer
from twinlens.models.runtime import MODES, Runtime, accelerated, cache, describe, load, measurements, trial, tuned
from twinlens.models.runtime.export import TorchPart, modules, torch_parts

PICTURE = toy.draw(("red", "green", "blue")).resize((90, 60))
BOTH = Sample("a", PICTURE, "make the left tile blue")
KINDS = {
    "one of both": [BOTH],
    "pictures": [Sample(str(n), toy.draw(("red", "red", "blue")).resize((60 + n, 60))) for n in range(5)],
    "sentences": [Sample("a", None, "red"), Sample("b", None, "the left tile is green")],
    "a mixture": [BOTH, Sample("b", PICTURE), Sample("c", None, "blue tile"), Sample("d", None, "")],
    "nothing": [Sample("a", None, "")],
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mode", MODES)
def test_vectors_are_those_of_plain_torch(composer, kind, mode):
    wanted = composer.embed(KINDS[kind])
    found = Runtime(composer=composer, mode=mode).embed(KINDS[kind])
    np.testing.assert_allclose(found, wanted, atol=0.03 if mode == "bf16" else 1e-5)
    if mode == "torch":
        np.testing.assert_array_equal(found, wanted)


def test_onnx_runs_every_network_that_it_is_trusted_with(composer):
    said = Runtime(composer=composer, mode="onnx").measurements
    assert len(said["networks"]) == len(composer.encoders)
    for network in [*said["networks"].values(), *said["heads"].values()]:
        assert network["runs"] == "onnx" and network["ways"]["onnx"]["cosine"] > 0.9999
    assert "onnx" in describe(said) and json.dumps(said)


def test_a_sentence_needs_no_torch(composer, kept):
    code = f"""
import sys
from pathlib import Path
from twinlens.collection import Collection
from twinlens.models.runtime import load
from twinlens.core.types import Sample
vectors = load(Path({str(composer.folder)!r}), mode="onnx").embed([Sample("a", None, "the left tile is green")])
assert not {{"torch", "transformers", "sklearn", "cv2"}} & set(sys.modules), sorted(sys.modules)
print(vectors.tolist())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    np.testing.assert_allclose(json.loads(done.stdout), composer.embed([KINDS["sentences"][1]]), atol=1e-5)


def test_a_damaged_file_is_not_used_and_made_again(composer, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    told_again = []

    def examine(composer, folder, progress):
        told_again.append(folder)
        (folder / "0.onnx").write_bytes(b"no graph")
        ways = {"torch": {"rate": 1.0}, "onnx": {"cosine": 1.0, "rate": 2.0}}
        parts = {name: {"chosen": "onnx" if name == "0" else "torch", "ways": ways} for name in torch_parts(composer)}
        whole = [vars(tower) for tower in modules(composer, _stacked(composer))[0]]
        return {
            "towers": whole,
            "parts": parts,
            "preparations": None,
            "prepares_pictures": True,
            "trims": True,
            "encoders": ["x"] * len(whole),
        }

    monkeypatch.setattr(trial, "examine", examine)
    Runtime(composer=composer).tune()
    (cache.home() / Runtime(composer=composer).cache_key / "0.onnx").write_bytes(b"damaged")
    model = Runtime(composer=composer)
    np.testing.assert_allclose(model.embed([BOTH]), composer.embed([BOTH]), atol=1e-6)
    Runtime(composer=composer).tune()
    assert len(told_again) == 2


def _stacked(composer):
    from twinlens.models.runtime.parts import stacked

    return stacked([composer.prepare(BOTH)] * 2, trims=True)


def test_what_another_machine_found_out_is_not_believed(composer, monkeypatch):
    monkeypatch.setattr(cache, "machine", lambda: "another one")
    assert Runtime(composer=composer).measurements == {"mode": "auto", "networks": {}}


def test_a_way_with_other_vectors_is_not_trusted(toy_composer, tmp_path, monkeypatch):
    class Wrong(TorchPart):
        def __call__(self, arrays):
            return {name: array[::-1].copy() for name, array in super().__call__(arrays).items()}

    def candidates(self, name):
        part = self.plain[name]
        yield "onnx", Wrong(part.module, part.inputs, part.outputs)
        yield "bf16", "cannot be exported"

    monkeypatch.setattr(trial._Trial, "_candidates", candidates)
    said = trial.examine(toy_composer, tmp_path)
    assert said["parts"]["0"]["chosen"] == "torch"
    assert "differ from plain torch's" in said["parts"]["0"]["ways"]["onnx"]["why"]
    assert said["parts"]["0"]["ways"]["bf16"] == {"why": "cannot be exported"}


def test_a_network_that_cannot_be_exported_is_left_to_torch(tmp_path):
    class Branching(nn.Module):
        def forward(self, *arrays):
            return arrays if arrays[0].sum() > 0 else None  # which of both, no graph knows

    part = TorchPart(Branching(), ["0.words"], ["0.text.vector"])
    why = trial.export(part, {"0.words": np.ones((2, 3), dtype=np.float32)}, tmp_path / "x")
    assert why and "\n" not in why and not (tmp_path / "x").exists()


def test_where_nothing_can_be_kept_torch_serves(composer, monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    model = Runtime(composer=composer)
    model.tune()
    assert describe(model.measurements) == "plain torch (no other way measured on this machine yet)"
    np.testing.assert_array_equal(model.embed([BOTH]), composer.embed([BOTH]))


def test_few_pictures_do_not_repay_a_trial(composer, monkeypatch, tmp_path):
    tried = []
    monkeypatch.setattr(Runtime, "tune", lambda model, progress: tried.append(model.mode))
    monkeypatch.setattr(trial, "costs", lambda _: (20.0, 10.0))  # seconds; pictures a second
    tuned(accelerated(composer), 255)
    assert tried == []
    tuned(accelerated(composer), 256)  # measured before, and cached
    tuned(accelerated(composer, mode="onnx"), 1)
    assert tried == ["auto", "onnx"]
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    tuned(accelerated(composer), 1999)
    assert tried == ["auto", "onnx"]
    tuned(accelerated(composer), 2000)  # 200 seconds, of which the trial is a tenth
    assert tried == ["auto", "onnx", "auto"]


def test_the_cost_of_a_trial_is_estimated_from_the_rate_of_plain_torch(composer):
    seconds, rate = trial.costs(composer)
    parts = len(torch_parts(composer))
    assert rate > 0
    assert seconds == pytest.approx(trial.EXPORT_SECONDS * parts + trial.PASSES * trial.TIMED / rate)


def test_other_models_stay_as_they_are():
    model = MeanColor()
    assert accelerated(model) is model and tuned(model, 10**6) is model
    assert measurements(model) == {"mode": "torch", "networks": {}} and describe(measurements(model)) == "plain torch"


def test_an_unknown_way_is_one_line(composer):
    with pytest.raises(TwinlensError, match=r"runtime 'tpu'.*auto"):
        load(composer.folder, mode="tpu")


def test_workers_get_what_prepares_samples(composer):
    copied = pickle.loads(pickle.dumps(Runtime(folder=composer.folder)))
    for key, array in composer.prepare(BOTH).items():
        np.testing.assert_array_equal(copied.prepare(BOTH)[key], array)


def test_old_models_are_forgotten(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(cache, "KEPT", 2)
    for digest in ("aa", "bb", "cc"):
        cache.write(digest, lambda folder: (folder / "x").write_text("x") and {})
    assert len(list(cache.home().iterdir())) == 2 and cache.read("cc") is not None


def test_without_onnx_runtime_the_other_ways_are_tried(toy_composer, tmp_path, monkeypatch):
    monkeypatch.setattr(trial, "export", lambda part, arrays, file: None)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    said = trial.examine(toy_composer, tmp_path)
    assert "onnxruntime" in said["parts"]["0"]["ways"]["onnx"]["why"] and said["parts"]["0"]["chosen"] != "onnx"


def test_onnx_that_is_not_installed_is_one_line(toy_composer, monkeypatch):
    monkeypatch.setattr("twinlens.models.runtime.runtime.find_spec", lambda name: None)
    with pytest.raises(TwinlensError, match=r"install with: pip install 'twinlens\[export\]'"):
        Runtime(composer=toy_composer, mode="onnx").embed([BOTH])


@pytest.mark.parametrize("kind", ["clip", "siglip"])
def test_texts_are_cut_only_where_that_changes_nothing(kind, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(trial, "export", lambda part, arrays, file: "not tried")
    name = checkpoints.contrastive(tmp_path / kind, kind)
    recipe = find_recipe("clip")
    encoders = [{**part.model_dump(), "checkpoint": name} for part in recipe.encoders]
    composer = Composer.build(type(recipe).model_validate({**recipe.model_dump(), "encoders": encoders})).eval()
    model = Runtime(composer=composer)
    model.tune()
    said = cache.read(Runtime(composer=composer).cache_key)
    assert said is not None and said["trims"] == (kind == "clip")
    assert said["preparations"] is not None
    for samples in KINDS.values():
        np.testing.assert_allclose(model.embed(samples), composer.embed(samples), atol=1e-5)
