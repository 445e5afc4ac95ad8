"""CLIPs and SigLIPs that others have exported, beside what torch makes of the same checkpoints."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import AutoModel

from tests import checkpoints, exports
from twinlens.core.source import Source
from twinlens.core.types import Sample, TwinlensError
from twinlens.models import pretrained, serving
from twinlens.models.exported import ExportedModel
from twinlens.models.exported.importing import find
from twinlens.preparation.square import Square

TEXTS = ("a yellow circle", "There is a yellow circle above the black block", "block")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Checkpoints of both kinds, and their exports by the layout's name and the kind."""
    folder = tmp_path_factory.mktemp("exports")
    names = {kind: checkpoints.contrastive(folder / f"{kind}-torch", kind) for kind in ("clip", "siglip")}
    return names | {
        "immich": exports.immich(folder / "immich", names["clip"]),
        "transformers_js": exports.transformers_js(folder / "clip-js", names["clip"]),
        "transformers_js siglip": exports.transformers_js(folder / "siglip-js", names["siglip"]),
    }


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def picture(seed: int) -> Image.Image:
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 255, (6, 9, 3), dtype=np.uint8))
    return coarse.resize((40 + 7 * seed, 90 - 5 * seed), 3)


def samples() -> list[Sample]:
    return [
        *(Sample(str(n), picture(n)) for n in range(3)),
        *(Sample(text, None, text) for text in TEXTS),
        Sample("both", picture(4), TEXTS[0]),
        Sample("neither", None),
    ]


@pytest.mark.parametrize("layout", ["immich", "transformers_js", "transformers_js siglip"])
def test_layouts_are_found_by_their_files(made, layout):
    assert find(Source(made[layout])) == layout.split()[0]
    assert find(Source(made["clip"])) is None


@pytest.mark.parametrize("kind", ["clip", "siglip"])
def test_vectors_are_those_of_the_same_checkpoint_by_torch(made, kind):
    by_torch = pretrained.ready("clip", checkpoint=made[kind])
    model = serving.ready("clip", checkpoint=made["transformers_js" if kind == "clip" else "transformers_js siglip"])
    assert isinstance(model, ExportedModel) and model.dim == by_torch.dim
    assert [*model.channels] == [*by_torch.channels]
    np.testing.assert_allclose(model.embed(samples()), by_torch.embed(samples()), atol=2e-5)
    for sample in samples():
        np.testing.assert_allclose(model.embed([sample]), by_torch.embed([sample]), atol=2e-5)


def test_vectors_of_immichs_layout_are_those_of_its_networks(made):
    model = serving.ready("clip", checkpoint=made["immich"])
    network = AutoModel.from_pretrained(made["clip"]).eval()
    pixels = torch.from_numpy(np.stack([Square(32).square(picture(n)) for n in range(3)])).permute(0, 3, 1, 2) / 255
    mean, deviation = (torch.tensor(of)[:, None, None] for of in (exports.MEAN, exports.DEVIATION))
    with torch.inference_mode():
        wanted = network.get_image_features(pixel_values=(pixels - mean) / deviation).pooler_output
    found = model.embed([Sample(str(n), picture(n)) for n in range(3)])[:, :20]
    cosines = (found * torch.nn.functional.normalize(wanted, dim=-1).numpy()).sum(1) / np.linalg.norm(found, axis=1)
    assert cosines.min() > 0.99999


def test_the_same_content_is_the_same_model_wherever_it_is(made, tmp_path):
    one = serving.ready("clip", checkpoint=made["immich"])
    shutil.copytree(made["immich"], tmp_path / "elsewhere")
    other = serving.ready("clip", checkpoint=str(tmp_path / "elsewhere"))
    assert one.digest == other.digest and one.folder == other.folder
    config = json.loads((tmp_path / "elsewhere" / "visual" / "preprocess_cfg.json").read_text())
    (tmp_path / "elsewhere" / "visual" / "preprocess_cfg.json").write_text(json.dumps({**config, "std": [1, 1, 1]}))
    assert serving.ready("clip", checkpoint=str(tmp_path / "elsewhere")).digest != one.digest


def test_a_squashed_picture_is_stretched(made, tmp_path):
    shutil.copytree(made["immich"], tmp_path / "squash")
    pictures = tmp_path / "squash" / "visual" / "preprocess_cfg.json"
    pictures.write_text(json.dumps({**json.loads(pictures.read_text()), "resize_mode": "squash"}))
    squash = serving.ready("clip", checkpoint=str(tmp_path / "squash"))
    assert squash.about.preparations[0][0]["fit"] == "stretch"


@pytest.mark.parametrize(
    ("file", "content", "line"),
    [
        (
            "visual/preprocess_cfg.json",
            {"size": [32, 32], "mean": [0], "std": [1], "resize_mode": "longest"},
            "longest",
        ),
        ("visual/preprocess_cfg.json", {"size": [32, 16], "mean": [0], "std": [1]}, "squares"),
        ("visual/preprocess_cfg.json", {"mean": [0]}, "damaged configuration"),
        ("visual/preprocess_cfg.json", {"size": 32, "mean": [0, 0, 0], "std": [0, 1, 1]}, "a deviation of colours"),
        ("visual/preprocess_cfg.json", {"size": 32, "mean": [0, 0], "std": [1, 1]}, "three finite numbers"),
        ("visual/preprocess_cfg.json", {"size": [], "mean": [0] * 3, "std": [1] * 3}, "damaged configuration"),
        ("visual/preprocess_cfg.json", {"size": 10**6, "mean": [0] * 3, "std": [1] * 3}, "squares have 1 to 8192"),
        ("config.json", {"text_cfg": {"context_length": -5}}, "texts have 2 to 65536 tokens"),
        ("config.json", {"text_cfg": {"context_length": 10**11}}, "texts have 2 to 65536 tokens"),
        ("config.json", {"text_cfg": []}, "damaged configuration"),
        ("config.json", "deep", "cannot be read"),
        ("textual/tokenizer_config.json", [], "holds no object"),
        ("textual/tokenizer.json", {}, "is not a tokenizer file"),
        ("visual/model.onnx", {}, "is no ONNX graph"),
        ("visual/model.onnx", "swapped", "cannot be run"),
        ("visual/model.onnx", "cut", "is no ONNX graph"),
    ],
)
def test_damaged_files_are_one_line(made, tmp_path, file, content, line):
    shutil.copytree(made["immich"], tmp_path / "x")
    whole = (tmp_path / "x" / file).read_bytes()
    damaged = {
        "deep": b"[" * 100_000,
        "cut": whole[:-9],
        "swapped": whole.replace(b"LayerNormalization", b"LayerXormalization"),
    }
    (tmp_path / "x" / file).write_bytes(damaged.get(str(content)) or json.dumps(content).encode())
    with pytest.raises(TwinlensError, match=line) as caught:
        serving.ready("clip", checkpoint=str(tmp_path / "x"))
    assert "\n" not in str(caught.value)
    assert not [*(tmp_path / "cache").rglob("new-*")]


def test_towers_that_do_not_fit_are_refused(made, tmp_path):
    shutil.copytree(made["transformers_js"], tmp_path / "x")
    shutil.copy(Path(made["transformers_js siglip"]) / "onnx" / "text_model.onnx", tmp_path / "x" / "onnx")
    with pytest.raises(TwinlensError, match="have different widths"):
        serving.ready("clip", checkpoint=str(tmp_path / "x"))


def test_half_of_a_layout_is_none(made, tmp_path):
    shutil.copytree(made["immich"], tmp_path / "x", ignore=shutil.ignore_patterns("textual"))
    assert find(Source(str(tmp_path / "x"))) is None
    with pytest.raises(TwinlensError, match="is no checkpoint"):
        serving.ready("clip", checkpoint=str(tmp_path / "x"))


def test_a_damaged_copy_in_the_cache_is_made_again(made):
    model = serving.ready("clip", checkpoint=made["immich"])
    graph = model.folder / "encoder-0" / "model.onnx"
    graph.unlink()
    again = serving.ready("clip", checkpoint=made["immich"])
    assert again.digest == model.digest and graph.is_file() and again.embed(samples()).shape == (8, 42)


def test_several_may_import_at_once(made):
    with ThreadPoolExecutor(4) as pool:
        found = [*pool.map(lambda _: serving.ready("clip", checkpoint=made["transformers_js"]).digest, range(4))]
    assert len(set(found)) == 1


def test_a_folder_of_towers_is_no_model_and_says_how_to_give_it(made):
    with pytest.raises(TwinlensError, match=f"give it as a checkpoint: --checkpoint {made['immich']}"):
        serving.load(made["immich"])
