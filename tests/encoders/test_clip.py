"""Both towers of contrastive checkpoints, beside what transformers makes of the same checkpoint."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import AutoModel, AutoProcessor, AutoTokenizer

from tests import checkpoints
from twinlens.core import variants
from twinlens.core.recipe import Recipe, find_recipe
from twinlens.core.types import Features, Sample, TwinlensError
from twinlens.encoders.clip_image import ClipImage
from twinlens.encoders.clip_text import ClipText
from twinlens.models.composer import Composer

TEXTS = ("a yellow circle", "There is a yellow circle above the black block", "a circle above a yellow block " * 4)
kinds = pytest.mark.parametrize("kind", ["clip", "siglip"])


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("contrastive")
    return {kind: checkpoints.contrastive(folder / kind, kind) for kind in ("clip", "siglip")}


def pictures() -> list[Image.Image]:
    rng = np.random.default_rng(0)
    coarse = [Image.fromarray(rng.integers(0, 255, (6, 9, 3), dtype=np.uint8)) for _ in range(2)]
    return [coarse[0].resize((90, 60), 3), coarse[1].resize((60, 100), 3)]


def encode(encoder, samples: list[Sample]) -> Features:
    arrays = [encoder.prepare(sample) for sample in samples]
    batch = {key: torch.from_numpy(np.stack([a[key] for a in arrays])) for key in arrays[0]}
    with torch.inference_mode():
        encoded = encoder.eval()(batch)
    side = encoded.image or encoded.text
    assert side is not None
    return side


def recipe(checkpoint: str, fusion: dict[str, object]) -> Recipe:
    encoders = [{"name": name, "checkpoint": checkpoint} for name in ("clip_image", "clip_text")]
    return Recipe.model_validate({"name": "c", "dim": 8, "encoders": encoders, "fusion": fusion})


@kinds
def test_pictures_are_seen_as_transformers_sees_them(saved, kind):
    found = encode(ClipImage(checkpoint=saved[kind]), [Sample("x", picture) for picture in pictures()]).vector
    pixels = AutoProcessor.from_pretrained(saved[kind]).image_processor(images=pictures(), return_tensors="pt")
    with torch.inference_mode():
        wanted = AutoModel.from_pretrained(saved[kind]).eval().get_image_features(**pixels).pooler_output
    # Pillow's resizing differs from torchvision's by rounding.
    assert torch.nn.functional.cosine_similarity(found, wanted).min() > 0.9999


@kinds
def test_words_are_read_as_transformers_reads_them(saved, kind):
    samples = [Sample("x", None, text) for text in TEXTS]
    found = encode(ClipText(checkpoint=saved[kind]), samples).vector
    tokenizer = AutoTokenizer.from_pretrained(saved[kind])
    texts = [text.lower() for text in TEXTS] if kind == "siglip" else list(TEXTS)
    how = {"padding": "max_length", "truncation": True, "max_length": 12, "return_tensors": "pt"}
    tokens = tokenizer(texts, **how)
    tokens.pop("token_type_ids", None)
    if kind == "siglip":
        tokens.pop("attention_mask")
    with torch.inference_mode():
        wanted = AutoModel.from_pretrained(saved[kind]).eval().get_text_features(**tokens).pooler_output
    kept = 3 if kind == "siglip" else 2  # transformers cuts the end of a long text off, we keep its last token
    torch.testing.assert_close(found[:kept], wanted[:kept], atol=1e-5, rtol=1e-4)


@kinds
def test_a_saved_model_needs_no_checkpoint(saved, kind, tmp_path):
    checkpoint = shutil.copytree(saved[kind], tmp_path / "checkpoint")
    composer = Composer.build(recipe(str(checkpoint), {"name": "calibrated", "shared": True})).eval()
    samples = [Sample("a", pictures()[0], ""), Sample("b", None, TEXTS[0]), Sample("c", pictures()[1], TEXTS[1])]
    composer.save(tmp_path / "model")
    shutil.rmtree(checkpoint)
    loaded = Composer.load(tmp_path / "model")
    assert loaded.digest == composer.digest
    np.testing.assert_array_equal(loaded.embed(samples), composer.embed(samples))


@kinds
@pytest.mark.parametrize("fusion", ["calibrated", "sum", "product", "basic", "combiner", "gate", "tirg"])
def test_both_towers_end_in_one_space_for_every_fusion(saved, kind, fusion):
    composer = Composer.build(recipe(saved[kind], {"name": fusion})).eval()
    vectors = composer.embed([Sample("a", pictures()[0], TEXTS[0]), Sample("b", None, TEXTS[0])])
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)


def test_a_tower_holds_nothing_of_the_other(saved):
    vision = dict(ClipImage(checkpoint=saved["clip"]).named_parameters())
    words = dict(ClipText(checkpoint=saved["clip"]).named_parameters())
    assert not [name for name in vision if "text" in name] and not [name for name in words if "vis" in name]


def test_missing_sides_are_marked(saved):
    image = encode(ClipImage(checkpoint=saved["clip"]), [Sample("a", pictures()[0]), Sample("b", None)])
    text = encode(ClipText(checkpoint=saved["clip"]), [Sample("a", None, "a circle"), Sample("b", None)])
    assert image.present is not None and image.present.tolist() == [True, False]
    assert text.present is not None and text.present.tolist() == [True, False]


def test_other_checkpoints_are_refused(tmp_path):
    bert = checkpoints.save(tmp_path / "bert", checkpoints.BERT)
    with pytest.raises(TwinlensError, match="is a BertModel, no CLIP or SigLIP"):
        variants.make("encoders", "clip_text", checkpoint=bert)


def test_the_recipe_names_one_checkpoint_for_both_towers():
    clip = find_recipe("clip")
    assert len({part.options["checkpoint"] for part in clip.encoders}) == 1
    assert clip.fusion.options == {"shared": True} and set(clip.training.frozen) == {p.name for p in clip.encoders}
