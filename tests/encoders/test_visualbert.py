from __future__ import annotations

import shutil

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import AutoModel, VisualBertModel

from tests import checkpoints
from twinlens.core.recipe import Recipe, find_recipe
from twinlens.core.types import Batch, Encoded, Features, Sample, TwinlensError
from twinlens.encoders.visualbert import VisualBert
from twinlens.models.composer import Composer
from twinlens.shapes.drawing import draw
from twinlens.shapes.scenes import random_scene

PATCHES = {"name": "patches", "dim": 16, "height": 20, "width": 40, "patch": 10}
RED, BLUE = (Image.new("RGB", (40, 20), colour) for colour in ("red", "blue"))
SAMPLES = [Sample("a", RED, "a yellow circle"), Sample("b", BLUE, checkpoints.SENTENCE), Sample("c", RED)]


def batch(encoder: VisualBert, samples: list[Sample] = SAMPLES) -> Batch:
    arrays = [encoder.prepare(sample) for sample in samples]
    return {key: torch.from_numpy(np.stack([a[key] for a in arrays])) for key in arrays[0]}


@torch.inference_mode()
def encode(encoder: VisualBert, samples: list[Sample] = SAMPLES) -> Encoded:
    encoded: Encoded = encoder.eval()(batch(encoder, samples))
    return encoded


def small(**options: object) -> VisualBert:
    torch.manual_seed(0)
    encoder = VisualBert(visual=PATCHES, layers=2, dim=24, heads=2, vocabulary=80, **options)
    encoder.fit(SAMPLES)
    return encoder


def recipe(**options: object) -> Recipe:
    encoder = {"name": "visualbert", "visual": PATCHES, **options}
    return Recipe.model_validate({"name": "both", "dim": 8, "encoders": [encoder], "fusion": {"name": "gate"}})


class GivenRegions(torch.nn.Module):
    """A visual encoder that answers with features made beforehand."""

    def __init__(self, features: Features) -> None:
        super().__init__()
        self.features = features

    def forward(self, _: Batch) -> Encoded:
        return Encoded(image=self.features)


def with_regions(features: Features) -> VisualBert:
    encoder = small(cells=(2, 4))
    encoder.visual = GivenRegions(features)
    return encoder


def run(encoder: VisualBert, samples: list[Sample]) -> Encoded:
    words = {key: array for key, array in batch(small(), samples).items() if key != "pixels"}
    with torch.inference_mode():
        encoded: Encoded = encoder.eval()(words)
    return encoded


def test_outputs_equal_those_of_transformers_own_forward():
    encoder = small()
    arrays, encoded = batch(encoder), encode(encoder)
    with torch.inference_mode():
        regions = encoder.visual(arrays).image.tokens
        output = encoder.bert(
            input_ids=arrays["words"],
            attention_mask=arrays["words_mask"],
            token_type_ids=torch.zeros_like(arrays["words"]),
            visual_embeds=regions,
            visual_attention_mask=torch.ones(regions.shape[:2]),
            visual_token_type_ids=torch.ones(regions.shape[:2], dtype=torch.long),
        ).last_hidden_state
    longest = int(arrays["words_mask"].sum(1).max())
    mask = arrays["words_mask"][:, :longest]
    torch.testing.assert_close(encoded.text.tokens[mask], output[:, :longest][mask])
    torch.testing.assert_close(encoded.image.tokens, output[:, arrays["words"].shape[1] :])
    torch.testing.assert_close(encoded.text.vector, output[:, 0])


def test_embeddings_are_words_then_regions_each_a_sum_of_three():
    encoder = small()
    arrays, tables = batch(encoder), {key: w.numpy() for key, w in encoder.bert.embeddings.state_dict().items()}
    regions = encoder.visual.eval()(arrays).image.tokens.detach()
    words = arrays["words"].numpy()
    text = tables["word_embeddings.weight"][words] + tables["token_type_embeddings.weight"][0]
    text = text + tables["position_embeddings.weight"][: words.shape[1]]
    seen = regions.numpy() @ tables["visual_projection.weight"].T + tables["visual_projection.bias"]
    seen = seen + tables["visual_token_type_embeddings.weight"][1] + tables["visual_position_embeddings.weight"][0]
    joined = np.concatenate([text, seen], axis=1)
    centred = joined - joined.mean(-1, keepdims=True)
    normed = centred / np.sqrt(joined.var(-1, keepdims=True) + 1e-12)
    expected = normed * tables["LayerNorm.weight"] + tables["LayerNorm.bias"]
    given = encoder.bert.eval().embeddings(input_ids=arrays["words"], visual_embeds=regions)
    np.testing.assert_allclose(given.detach().numpy(), expected, atol=2e-5)


def test_patches_keep_their_map():
    image = encode(small()).image
    assert image is not None
    assert image.grid == (2, 4)
    assert image.tokens.shape == (3, 8, 24)


def test_a_missing_text_and_a_missing_picture_are_legal():
    encoded = encode(small(), [Sample("t", None, "a circle"), Sample("p", BLUE), Sample("none", None)])
    assert torch.isfinite(encoded.image.vector).all()
    assert torch.isfinite(encoded.text.vector).all()


def test_the_sentence_changes_the_regions_and_the_picture_the_words():
    encoder = small()
    pairs = [Sample("a", RED, "a circle"), Sample("b", RED, "the block"), Sample("c", BLUE, "a circle")]
    encoded = encode(encoder, pairs)
    assert not torch.allclose(encoded.image.vector[0], encoded.image.vector[1], atol=1e-4)
    assert not torch.allclose(encoded.text.vector[0], encoded.text.vector[2], atol=1e-4)


def test_regions_that_the_mask_leaves_out_change_nothing():
    tokens, mask = torch.randn(1, 5, 16), torch.tensor([[True, True, True, False, False]])
    noisy = torch.where(mask.unsqueeze(-1), tokens, torch.full_like(tokens, 9.0))
    first = run(with_regions(Features(tokens.mean(1), tokens, mask)), SAMPLES[:1])
    second = run(with_regions(Features(noisy.mean(1), noisy, mask)), SAMPLES[:1])
    torch.testing.assert_close(first.text.tokens, second.text.tokens)
    torch.testing.assert_close(first.image.vector, second.image.vector)


def test_no_region_at_all_is_legal():
    tokens, mask = torch.randn(1, 5, 16), torch.zeros(1, 5, dtype=torch.bool)
    encoded = run(with_regions(Features(tokens.mean(1), tokens, mask, present=mask[:, 0])), SAMPLES[:1])
    assert encoded.image.mask.tolist() == [[True, False, False, False, False]]
    assert torch.isfinite(encoded.image.vector).all()
    assert torch.isfinite(encoded.text.vector).all()


@pytest.mark.parametrize("visual", [{"name": "bovw", "words": 8, "cells": (2, 2)}, {"name": "regions", "words": 0}])
def test_a_sentence_alone_finds_its_way_through_the_gate(visual):
    composer = Composer.build(recipe(visual=visual, layers=1, dim=16, heads=2, vocabulary=80))
    composer.fit([Sample("", draw(random_scene(np.random.default_rng(n))), "a yellow circle") for n in range(3)])
    yellow, circle, again = composer.embed([Sample("", None, text) for text in ("yellow", "a circle", "yellow")])
    assert np.abs(yellow - circle).max() > 1e-4
    assert yellow == pytest.approx(again, abs=1e-5)


def test_regions_with_boxes_come_back_on_the_map():
    tokens = torch.randn(1, 2, 16)
    boxes = torch.tensor([[[0.0, 0.0, 1.0, 1.0], [0.0, 0.0, 0.25, 0.5]]])
    features = Features(tokens.mean(1), tokens, torch.ones(1, 2, dtype=torch.bool), boxes=boxes)
    image = run(with_regions(features), SAMPLES[:1]).image
    assert image.grid == (2, 4)
    assert not torch.allclose(image.tokens[0, 0], image.tokens[0, 1])
    torch.testing.assert_close(image.tokens[0, 1:], image.tokens[0, 1:2].expand(7, -1))


def test_a_checkpoint_with_regions_of_our_width_is_taken_whole(tmp_path):
    name = checkpoints.save(tmp_path, checkpoints.VISUALBERT)
    ours = VisualBert(visual=PATCHES, checkpoint=name).bert.state_dict()
    theirs = VisualBertModel.from_pretrained(name, add_pooling_layer=False).state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[key], theirs[key]) for key in theirs)


def test_a_checkpoint_with_regions_of_another_width_keeps_all_but_the_projection(tmp_path):
    name = checkpoints.save(tmp_path, checkpoints.VISUALBERT)
    ours = VisualBert(visual={**PATCHES, "dim": 8}, checkpoint=name).bert.state_dict()
    theirs = VisualBertModel.from_pretrained(name, add_pooling_layer=False).state_dict()
    changed = {key for key in theirs if ours[key].shape != theirs[key].shape or not torch.equal(ours[key], theirs[key])}
    assert changed == {"embeddings.visual_projection.weight"}  # its bias is of the same shape


def test_a_checkpoint_without_words_takes_the_vocabulary_of_a_bert(tmp_path):
    checkpoint = checkpoints.save(tmp_path / "visualbert", checkpoints.VISUALBERT, vocabulary=False)
    bert = checkpoints.save(tmp_path / "bert", checkpoints.BERT)
    encoder = VisualBert(visual=PATCHES, checkpoint=checkpoint, bert=bert)
    assert encoder.tokenizer.encode("yellow circle").tokens == ["[CLS]", "yellow", "circle", "[SEP]"]


def test_berts_weights_are_copied_and_its_tables_initialise_the_visual_ones(tmp_path):
    name = checkpoints.save(tmp_path, checkpoints.BERT)
    ours = VisualBert(visual=PATCHES, bert=name).bert.state_dict()
    theirs = AutoModel.from_pretrained(name, add_pooling_layer=False).state_dict()
    assert all(torch.equal(ours[key], theirs[key]) for key in theirs)
    for table in ("position", "token_type"):
        copied, text = f"embeddings.visual_{table}_embeddings.weight", f"embeddings.{table}_embeddings.weight"
        assert torch.equal(ours[copied], theirs[text])


@pytest.mark.parametrize(
    "source",
    [{"checkpoint": checkpoints.VISUALBERT}, {"bert": checkpoints.BERT}],
    ids=["checkpoint", "bert"],
)
def test_a_saved_model_needs_no_checkpoint(tmp_path, source):
    options = {key: checkpoints.save(tmp_path / "hub", config) for key, config in source.items()}
    composer = Composer.build(recipe(**options))
    composer.fit(SAMPLES)
    composer.save(tmp_path / "model")
    shutil.rmtree(tmp_path / "hub")
    loaded = Composer.load(tmp_path / "model")
    np.testing.assert_array_equal(loaded.embed(SAMPLES), composer.embed(SAMPLES))


def test_a_checkpoint_of_another_kind_is_refused(tmp_path):
    with pytest.raises(TwinlensError, match="is no VisualBertModel"):
        VisualBert(visual=PATCHES, checkpoint=checkpoints.save(tmp_path / "a", checkpoints.BERT))
    with pytest.raises(TwinlensError, match="is a distilbert, not a BERT"):
        VisualBert(visual=PATCHES, bert=checkpoints.save(tmp_path / "b", checkpoints.DISTILBERT))


def test_sizes_beside_a_checkpoint_are_refused(tmp_path):
    with pytest.raises(TwinlensError, match="decides heads"):
        VisualBert(visual=PATCHES, bert=checkpoints.save(tmp_path, checkpoints.BERT), heads=2)


def test_compact_keeps_the_names_of_its_weights():
    names = set(Composer.build(find_recipe("compact")).state_dict())
    wanted = {"bert.embeddings.visual_projection.weight", "bert.encoder.layer.0.output.dense.bias", "visual.position"}
    assert {f"encoders.0.{name}" for name in wanted} <= names
    assert not any("pooler" in name for name in names)


@pytest.mark.parametrize("name", ["paper", "paper-grid", "paper-minilm"])
def test_the_papers_recipes_need_no_download(name):
    pictures = [draw(random_scene(np.random.default_rng(n))) for n in range(4)]
    samples = [Sample(str(n), picture, "a yellow circle") for n, picture in enumerate(pictures)]
    composer = Composer.build(find_recipe(name))
    composer.fit(samples)
    vectors = composer.embed([*samples, Sample("words", None, "a circle"), Sample("picture", pictures[0])])
    assert vectors.shape == (6, composer.dim)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_the_published_checkpoints_say_what_to_download_when_none_is_in_reach(monkeypatch):
    def unreachable(*_: object, **__: object) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", unreachable)
    with pytest.raises(
        TwinlensError, match=r"download https://\S+ and give the file as `weights`, or use the recipe paper"
    ):
        Composer.build(find_recipe("paper-pretrained"))


def test_words_do_not_attend_to_a_picture_that_is_missing():
    pictures = [draw(random_scene(np.random.default_rng(n))) for n in range(3)]
    encoder = VisualBert(visual={"name": "bovw", "words": 8, "cells": (2, 2)}, layers=1, dim=16, heads=2, vocabulary=80)
    encoder.fit(Sample("", picture, "a yellow circle") for picture in pictures)  # a stream that is read once
    arrays = batch(encoder, [Sample("", None, "a yellow circle"), Sample("", pictures[0], "a yellow circle")])
    with torch.inference_mode():
        words = encoder.eval()(arrays).text
        alone = encoder.bert(input_ids=arrays["words"], attention_mask=arrays["words_mask"]).last_hidden_state
    kept = words.mask[0]
    torch.testing.assert_close(words.tokens[0][kept], alone[0, : len(kept)][kept], atol=1e-5, rtol=1e-5)
    assert not torch.allclose(words.tokens[1][kept], alone[1, : len(kept)][kept], atol=1e-3)
