from __future__ import annotations

import numpy as np
import pytest
import torch

from twinlens.core.recipe import Recipe
from twinlens.core.types import Sample, TwinlensError
from twinlens.encoders.ngrams import FILE, Ngrams, grams
from twinlens.models.composer import Composer

TEXTS = ["make the red box blue", "Make the blue box red!", "", "something else"]
SAMPLES = [Sample(text, None, text) for text in TEXTS]
RECIPE = Recipe.parse(
    'name = "n"\ndim = 8\n[[encoders]]\nname = "ngrams"\ndim = 8\n[fusion]\nname = "sum"\n', source="n"
)


def fitted(samples=SAMPLES, **options) -> Ngrams:
    encoder = Ngrams(dim=8, **options)
    encoder.fit(samples)
    return encoder


def encode(encoder, samples=SAMPLES):
    prepared = [encoder.prepare(sample) for sample in samples]
    return encoder({key: torch.from_numpy(np.stack([p[key] for p in prepared])) for key in prepared[0]}).text


def test_words_and_runs_without_case_and_punctuation():
    words, pairs, runs = ["make", "it", "red", "now"], ["make it", "it red", "red now"], ["make it red", "it red now"]
    assert grams("Make it RED, now!", 1) == words
    assert grams("Make it RED, now!", 3) == words + pairs + runs
    assert grams(" … ", 2) == []


def test_order_matters():
    vectors = encode(fitted()).vector
    assert not torch.allclose(vectors[0], vectors[1])


def test_the_vector_is_the_sum_over_the_root_of_the_number():
    encoder = fitted(vocabulary=3)
    numbers = [encoder.known[gram] for gram in grams(TEXTS[0], encoder.longest) if gram in encoder.known]
    wanted = encoder.table.weight[numbers].sum(0) / len(numbers) ** 0.5
    torch.testing.assert_close(encode(encoder).vector[0], wanted)


def test_the_most_frequent_are_known():
    encoder = fitted(vocabulary=4)
    assert list(encoder.known) == ["blue", "box", "make", "make the"]
    assert encode(encoder).vector[3].eq(0).all()


def test_an_empty_text_is_missing_and_an_unknown_one_is_not():
    assert encode(fitted(SAMPLES[:3])).present.tolist() == [True, True, False, True]


def test_a_vocabulary_that_is_there_stays():
    encoder = fitted()
    before = dict(encoder.known)
    encoder.fit([Sample("", None, "entirely new words")])
    assert encoder.known == before


def test_a_saved_model_gives_the_same_vectors(tmp_path):
    composer = Composer.build(RECIPE)
    composer.fit(SAMPLES)
    composer.save(tmp_path)
    np.testing.assert_array_equal(Composer.load(tmp_path).embed(SAMPLES), composer.embed(SAMPLES))


def test_a_damaged_vocabulary_is_refused(tmp_path):
    composer = Composer.build(RECIPE)
    composer.save(tmp_path)
    (tmp_path / "encoder-0" / FILE).write_text("{")
    with pytest.raises(TwinlensError, match="cannot be read"):
        Composer.load(tmp_path)
