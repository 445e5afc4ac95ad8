"""A picture and a text in one pass, beside what transformers makes of the same checkpoint as its authors use it."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import AutoProcessor, Qwen3VLModel
from transformers.models.qwen2_vl.image_processing_qwen2_vl import smart_resize

from tests import checkpoints, toy
from twinlens import cli
from twinlens.collection import Collection
from twinlens.core.recipe import find_recipe
from twinlens.core.types import Sample, TwinlensError
from twinlens.encoders._whole_patches import WholePatches
from twinlens.encoders.multimodal import INSTRUCTION, Multimodal
from twinlens.models import pretrained
from twinlens.models.composer import Composer
from twinlens.models.runtime.export import export
from twinlens.models.runtime.reference import Reference

TEXT = "a yellow circle"


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> str:
    return checkpoints.multimodal(tmp_path_factory.mktemp("multimodal") / "tiny")


@pytest.fixture(scope="module")
def composer(saved) -> Composer:
    return pretrained.ready("universal", checkpoint=saved)


def picture(width=40, height=24, seed=0) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


SAMPLES = [
    Sample("both", picture(), TEXT),
    Sample("picture", picture(24, 48, seed=1)),
    Sample("text", None, "There is a yellow circle above the black block"),
    Sample("nothing", None),
]


def by_authors(folder: str, samples: list[Sample]) -> torch.Tensor:
    """The steps of `Qwen3VLEmbedder.process`: chat, processor, last token with a mask, unit length."""
    processor, network = AutoProcessor.from_pretrained(folder), Qwen3VLModel.from_pretrained(folder).eval()
    chats = []
    for sample in samples:
        content = [{"type": "image"}] if sample.image else []
        content += [{"type": "text", "text": sample.text}] if sample.text else []
        content = content or [{"type": "text", "text": "NULL"}]
        system = {"role": "system", "content": [{"type": "text", "text": INSTRUCTION}]}
        chats.append([system, {"role": "user", "content": content}])
    text = [processor.apply_chat_template(chat, add_generation_prompt=True, tokenize=False) for chat in chats]
    images = [sample.image for sample in samples if sample.image] or None
    inputs = processor(text=text, images=images, padding=True, padding_side="right", do_resize=False,
                       return_tensors="pt")  # fmt: skip
    with torch.inference_mode():
        output = network(**inputs).last_hidden_state
    last = inputs["attention_mask"].sum(1) - 1
    return torch.nn.functional.normalize(output[torch.arange(len(last)), last], dim=-1)


def test_vectors_are_those_of_the_authors_steps(saved, composer):
    torch.testing.assert_close(torch.from_numpy(composer.embed(SAMPLES)), by_authors(saved, SAMPLES), atol=1e-5, rtol=0)


def test_a_sample_has_its_vector_in_any_batch_and_both_sides_count(composer):
    together = composer.embed(SAMPLES)
    for sample, vector in zip(SAMPLES, together, strict=True):
        assert composer.embed([sample])[0] == pytest.approx(vector, abs=1e-5)
    both, picture_only, text_only = composer.embed(
        [SAMPLES[0], Sample("", SAMPLES[0].image), Sample("", None, SAMPLES[0].text)]
    )
    assert abs(both - picture_only).max() > 1e-3 and abs(both - text_only).max() > 1e-3


def test_a_composed_query_is_one_pass_of_the_network(composer, monkeypatch):
    calls = []
    network = composer.encoders[0].network
    forward = network.forward
    monkeypatch.setattr(network, "forward", lambda **given: calls.append(given["input_ids"].shape) or forward(**given))
    composer.embed([SAMPLES[0]])
    assert [shape[0] for shape in calls] == [1]


@pytest.mark.parametrize("size", [(40, 24), (8, 8), (500, 300), (1000, 30), (7, 3), (33, 41), (640, 480)])
def test_sizes_are_those_of_transformers(size):
    width, height = size
    grid = WholePatches(4, 2, 2, 36)
    wanted = smart_resize(height, width, factor=8, min_pixels=4 * 64, max_pixels=36 * 64)
    assert grid.size(width, height) == wanted[::-1]


def test_any_proportions_are_read(composer):
    """Where the longer side is more than 200 times the shorter one, transformers gives up."""
    for size in ((3000, 4), (4, 3000)):
        width, height = WholePatches(4, 2, 2, 36).size(*size)
        assert width % 8 == height % 8 == 0 and 0 < width * height <= 36 * 64
    assert np.isfinite(composer.embed([Sample("", picture(3000, 4)), Sample("", picture(1, 1))])).all()


def test_long_texts_are_cut_and_the_pictures_token_in_a_text_is_left_out(saved):
    encoder = Multimodal(checkpoint=saved, places=16, tokens=10).eval()
    assert encoder.cuts("elevenchars") and not encoder.cuts("ten-chars.")
    words = [encoder.prepare(Sample("", None, text)) for text in ("ten-chars.and more", "ten-chars.")]
    assert (words[0]["words"] == words[1]["words"]).all() and words[0]["words_mask"].sum() > 10
    shapes = [{key: array.shape for key, array in encoder.prepare(sample).items()} for sample in SAMPLES]
    assert all(one == shapes[0] for one in shapes)
    written = encoder.prepare(Sample("", None, "a <|image_pad|>"))
    assert encoder.prompts.image not in written["words"]


def test_a_saved_model_needs_no_checkpoint(saved, tmp_path):
    moved = tmp_path / "checkpoint"
    shutil.copytree(saved, moved)
    composer = pretrained.ready("universal", checkpoint=str(moved))
    composer.save(tmp_path / "model")
    shutil.rmtree(moved)
    loaded = Composer.load(tmp_path / "model")
    assert loaded.digest == composer.digest
    assert (loaded.embed(SAMPLES) == composer.embed(SAMPLES)).all()
    (tmp_path / "model" / "encoder-0" / "preprocessing.json").write_text("[]")
    with pytest.raises(TwinlensError, match=r"preprocessing\.json cannot be read"):
        Composer.load(tmp_path / "model")


def test_other_checkpoints_are_refused(tmp_path, saved):
    with pytest.raises(TwinlensError, match="is a bert, not one of qwen3_vl"):
        pretrained.ready("universal", checkpoint=checkpoints.save(tmp_path / "bert", checkpoints.BERT))
    without = tmp_path / "without"
    shutil.copytree(saved, without)
    (without / "chat_template.jinja").unlink()
    with pytest.raises(TwinlensError, match="has no chat template"):
        pretrained.ready("universal", checkpoint=str(without))
    (without / "chat_template.jinja").write_text("{{ messages[0].role }}")
    with pytest.raises(TwinlensError, match="does not show a text as it is"):
        pretrained.ready("universal", checkpoint=str(without))


def test_no_graph_is_made_of_it(composer, tmp_path):
    """One of a fixed size would be wrong for pictures of any other."""
    reference = Reference(composer, 4)
    (name,) = (tower.name for tower in reference.towers)
    why = export(reference.plain[name], dict(reference.arrays[name]), tmp_path / "x.onnx")
    assert why is not None and not (tmp_path / "x.onnx").exists()


def test_a_collection_is_indexed_and_searched_with_it(saved, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pictures").mkdir()
    for color in toy.COLOURS:
        toy.draw((color, color, "red")).save(tmp_path / "pictures" / f"{color}.png")
    index = ["index", "pictures", "--recipe", "universal", "--checkpoint", saved, "--workers", "0"]
    assert cli.main(index) == 0
    assert "recipe universal" in capsys.readouterr().out
    query = ["search", "--image", "pictures/red.png", "--text", "make it blue", "--with-self", "--json"]
    assert cli.main(query) == 0
    hits = json.loads(capsys.readouterr().out)["hits"]
    model = pretrained.ready("universal", checkpoint=saved)
    with Collection.open("twinlens-collection") as collection:
        entries, vectors = collection.entries_with_vectors()
    asked = model.embed([Sample("", tmp_path / "pictures" / "red.png", "make it blue")])[0]
    order = [entries[n].id for n in np.argsort(-(vectors @ asked))]
    assert [hit["id"] for hit in hits] == order
    assert hits[0]["score"] == pytest.approx(max(vectors @ asked), abs=1e-5)


def test_the_recipe_names_the_authors_checkpoint():
    recipe = find_recipe("universal")
    assert recipe.encoders[0].options["checkpoint"] == "Qwen/Qwen3-VL-Embedding-2B"
