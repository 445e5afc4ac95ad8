from __future__ import annotations

import shutil

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import AutoModel, AutoTokenizer

from tests import checkpoints
from twinlens.core.recipe import Recipe
from twinlens.core.types import Features, Sample, TwinlensError
from twinlens.encoders.bert import Bert
from twinlens.models.composer import Composer

TEXTS = ("a yellow circle", checkpoints.SENTENCE, "")
SAMPLES = [Sample(str(n), None, text) for n, text in enumerate(TEXTS)]


def encode(bert: Bert, samples: list[Sample]) -> Features:
    arrays = [bert.prepare(sample) for sample in samples]
    batch = {key: torch.from_numpy(np.stack([a[key] for a in arrays])) for key in arrays[0]}
    with torch.inference_mode():
        text = bert.eval()(batch).text
    assert text is not None
    return text


def recipe(**options: object) -> Recipe:
    return Recipe.model_validate(
        {"name": "words", "dim": 8, "encoders": [{"name": "bert", **options}], "fusion": {"name": "sum"}}
    )


def test_from_nothing_it_learns_its_words():
    bert = Bert(layers=1, dim=16, heads=2, vocabulary=80, max_tokens=16)
    bert.fit(SAMPLES)
    text = encode(bert, SAMPLES)
    assert bert.prepare(SAMPLES[0])["words"][1] != bert.tokenizer.token_to_id("[UNK]")
    assert text.vector.shape == (3, 16)
    assert text.tokens is not None
    assert text.tokens.shape == (3, 11, 16)  # nine words between [CLS] and [SEP]
    assert text.present is not None
    assert text.present.tolist() == [True, True, False]


def test_padding_changes_nothing():
    bert = Bert(layers=2, dim=16, heads=2, vocabulary=80)
    bert.fit(SAMPLES)
    torch.testing.assert_close(encode(bert, SAMPLES).vector[:1], encode(bert, SAMPLES[:1]).vector)


def test_an_embedding_is_the_sum_of_token_segment_and_position():
    bert = Bert(layers=1, dim=16, heads=2, vocabulary=80)
    bert.fit(SAMPLES)
    tables = bert.bert.eval().embeddings
    words = torch.tensor([bert.tokenizer.encode(TEXTS[0]).ids])
    summed = tables.word_embeddings.weight[words[0]] + tables.token_type_embeddings.weight[0]
    summed = tables.LayerNorm(summed + tables.position_embeddings.weight[: words.shape[1]])
    torch.testing.assert_close(tables(words)[0], summed)


@pytest.mark.parametrize("config", [checkpoints.BERT, checkpoints.DISTILBERT, checkpoints.ROBERTA])
def test_any_family_member_loads_and_gives_what_transformers_gives(tmp_path, config):
    name = checkpoints.save(tmp_path, config)
    reference, tokenizer = AutoModel.from_pretrained(name).eval(), AutoTokenizer.from_pretrained(name)
    expected = reference(torch.tensor([tokenizer(TEXTS[1])["input_ids"]])).last_hidden_state[:, 0]
    torch.testing.assert_close(encode(Bert(checkpoint=name), SAMPLES).vector[1:2], expected)


def test_minilm_knows_what_words_mean():
    bert = Bert(checkpoint=checkpoints.minilm(), pooling="mean")
    texts = ("a dog plays in the park", "a puppy on the lawn", "the bank raised its interest rate")
    vectors = encode(bert, [Sample(text, None, text) for text in texts]).vector
    near, far = torch.cosine_similarity(vectors[:1], vectors[1:])
    assert near > 0.35 > 0.1 > far


def test_the_mean_leaves_padding_out():
    bert = Bert(layers=1, dim=16, heads=2, vocabulary=80, pooling="mean")
    bert.fit(SAMPLES)
    text = encode(bert, SAMPLES)
    assert text.tokens is not None
    torch.testing.assert_close(text.vector[2], text.tokens[2, :2].mean(0))  # [CLS] [SEP]


def test_a_saved_model_needs_no_checkpoint(tmp_path):
    name = checkpoints.save(tmp_path / "hub", checkpoints.BERT)
    composer = Composer.build(recipe(checkpoint=name, pooling="mean"))
    composer.save(tmp_path / "model")
    shutil.rmtree(name)
    loaded = Composer.load(tmp_path / "model")
    assert loaded.digest == composer.digest
    np.testing.assert_array_equal(loaded.embed(SAMPLES), composer.embed(SAMPLES))
    assert loaded.recipe == composer.recipe


def test_a_model_loaded_and_saved_again_loads(tmp_path):
    name = checkpoints.save(tmp_path / "hub", checkpoints.BERT)
    Composer.build(recipe(checkpoint=name)).save(tmp_path / "first")
    Composer.load(tmp_path / "first").save(tmp_path / "second")
    shutil.rmtree(name)
    shutil.rmtree(tmp_path / "first")
    assert Composer.load(tmp_path / "second").embed(SAMPLES).shape == (3, 8)


def test_fitting_keeps_a_checkpoints_vocabulary(tmp_path):
    bert = Bert(checkpoint=checkpoints.save(tmp_path, checkpoints.BERT))
    bert.fit([Sample("new", None, "unheard words")])
    assert bert.tokenizer.get_vocab_size() == len(checkpoints.WORDS)


def test_pictures_are_not_looked_at():
    bert = Bert(layers=1, dim=16, heads=2, vocabulary=80)
    with_picture = Sample("p", Image.new("RGB", (8, 8)), "a circle")
    assert bert.prepare(with_picture).keys() == {"words", "words_mask", "text_present"}


def test_sizes_beside_a_checkpoint_are_refused(tmp_path):
    with pytest.raises(TwinlensError, match="decides layers"):
        Bert(checkpoint=checkpoints.save(tmp_path, checkpoints.BERT), layers=2)


def test_more_words_than_positions_are_refused(tmp_path):
    with pytest.raises(TwinlensError, match="max_tokens is 64, but the checkpoint has 40"):
        Bert(checkpoint=checkpoints.save(tmp_path, checkpoints.BERT), max_tokens=64)


def test_an_unknown_pooling_is_refused():
    with pytest.raises(TwinlensError, match="pooling"):
        Bert(pooling="max")


@pytest.mark.parametrize("count", [0, 1, 13, 14, 15, 40])
def test_a_text_is_cut_where_its_end_has_no_place(count):
    bert = Bert(layers=1, dim=16, heads=2, vocabulary=80, max_tokens=16)
    bert.fit([Sample("a", None, "red")])
    text = " ".join(["red"] * count)
    assert bert.cuts(text) == (count > 14) == bool(len(bert.tokenizer.encode(text).ids) > 16)
