from __future__ import annotations

import shutil

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from transformers import AutoModelForObjectDetection

from tests import checkpoints
from twinlens.core import variants
from twinlens.core.recipe import Recipe
from twinlens.core.types import Features, Sample, TwinlensError
from twinlens.encoders.detr import Detr
from twinlens.models.composer import Composer


def picture() -> Image.Image:
    image = Image.new("RGB", (60, 40), "white")
    ImageDraw.Draw(image).rectangle((10, 10, 30, 30), fill="red")
    return image


SAMPLES = [Sample("a", picture(), "a red block"), Sample("b", picture().rotate(90)), Sample("none", None, "words")]


@torch.inference_mode()
def find(encoder: Detr) -> Features:
    arrays = [encoder.prepare(sample) for sample in SAMPLES]
    batch = {key: torch.from_numpy(np.stack([a[key] for a in arrays])) for key in arrays[0]}
    image = encoder.eval()(batch).image
    assert image is not None
    return image


@pytest.mark.parametrize("kind", ["detr", "rt_detr"])
def test_regions_are_the_queries_of_transformers_own_forward(tmp_path, kind):
    name = checkpoints.detector(tmp_path, kind=kind)
    encoder = Detr(checkpoint=name, height=64, width=64, words=0, floor=0.0, top=4)
    features, network = find(encoder), AutoModelForObjectDetection.from_pretrained(name).eval()
    pixels = torch.from_numpy(np.array(picture().resize((64, 64)))).permute(2, 0, 1)[None] / 255
    with torch.inference_mode():
        answer = network(pixel_values=(pixels - encoder.mean) / encoder.deviation)
    scores = answer.logits.softmax(-1)[..., :-1] if kind == "detr" else answer.logits.sigmoid()
    best = scores.amax(-1)[0].topk(4).indices
    states = torch.nn.functional.normalize(answer.last_hidden_state[0, best], dim=-1)
    torch.testing.assert_close(features.tokens[0, 1:, :16], states, atol=1e-4, rtol=1e-4)
    centre = (features.boxes[0, 1:, :2] + features.boxes[0, 1:, 2:]) / 2
    inside = ((features.boxes[0, 1:] > 0) & (features.boxes[0, 1:] < 1)).all(1)
    torch.testing.assert_close(centre[inside], answer.pred_boxes[0, best, :2][inside], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(("kind", "mean"), [("detr", [0.485, 0.456, 0.406]), ("rt_detr", [0.0, 0.0, 0.0])])
def test_pictures_are_standardised_as_the_checkpoint_says(tmp_path, kind, mean):
    encoder = Detr(checkpoint=checkpoints.detector(tmp_path, kind=kind), height=64, width=64, words=0)
    assert encoder.mean.flatten().tolist() == pytest.approx(mean)


def test_the_floor_may_leave_the_whole_picture_alone(tmp_path):
    encoder = Detr(checkpoint=checkpoints.detector(tmp_path), height=64, width=64, words=0, floor=0.99)
    assert find(encoder).mask.sum(1).tolist() == [1, 1, 0]


def test_regions_have_words_too(tmp_path):
    encoder = Detr(checkpoint=checkpoints.detector(tmp_path), height=64, width=64, words=8, floor=0.0)
    encoder.fit(SAMPLES)
    assert find(encoder).tokens.shape[-1] == 16 + 8 + 8 == encoder.dim


def test_a_saved_model_needs_no_checkpoint(tmp_path):
    visual = {"name": "detr", "checkpoint": checkpoints.detector(tmp_path / "hub", kind="detr"), "words": 0}
    encoder = {
        "name": "visualbert",
        "layers": 1,
        "dim": 16,
        "heads": 2,
        "visual": {**visual, "height": 64, "width": 64},
    }
    recipe = Recipe.model_validate({"name": "d", "dim": 8, "encoders": [encoder], "fusion": {"name": "gate"}})
    composer = Composer.build(recipe)
    composer.fit(SAMPLES)
    composer.save(tmp_path / "model")
    shutil.rmtree(tmp_path / "hub")
    np.testing.assert_array_equal(Composer.load(tmp_path / "model").embed(SAMPLES), composer.embed(SAMPLES))


def test_a_checkpoint_that_finds_nothing_is_refused(tmp_path):
    with pytest.raises(TwinlensError, match="no checkpoint"):
        Detr(checkpoint=checkpoints.save(tmp_path, checkpoints.BERT))


def test_without_a_checkpoint_the_missing_option_is_named():
    with pytest.raises(TwinlensError, match="needs the option 'checkpoint'"):
        variants.make("encoders", "detr")
