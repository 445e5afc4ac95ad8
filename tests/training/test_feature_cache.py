"""Frozen encoders' features: the same as the encoder gives, computed once, kept by content, whole after a kill."""

from __future__ import annotations

import functools
import pickle
from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from tests import toy
from twinlens.core.recipe import Recipe
from twinlens.core.types import Sample, TwinlensError
from twinlens.encoders import Encoder
from twinlens.models.composer import Composer
from twinlens.training import feature_cache, loop

TOWERS = """
name = "towers"
dim = 16
[[encoders]]
name = "patches"
dim = 16
height = 10
width = 30
patch = 10
[[encoders]]
name = "bert"
layers = 1
dim = 16
heads = 2
vocabulary = 150
max_tokens = 12
[fusion]
name = "gate"
cells = [1, 1]
[training]
epochs = 1
batch_size = 16
frozen = ["patches", "bert"]
"""


def composer_of(dataset, **training_settings) -> Composer:
    recipe = Recipe.parse(TOWERS, source="test")
    recipe = recipe.model_copy(update={"training": recipe.training.model_copy(update=training_settings)})
    composer = Composer.build(recipe)
    composer.fit(dataset.queries)
    return composer.eval()


def everything(dataset) -> list[Sample]:
    return [*dataset.queries, *dataset.gallery]


def forbid(monkeypatch, composer):
    """From here on the encoders themselves must not be asked."""

    def refuse(*_):
        raise AssertionError("the encoder ran again")

    for encoder in composer.encoders:
        monkeypatch.setattr(encoder, "forward", refuse)


def test_what_is_remembered_is_what_the_encoders_say(toy_edits, tmp_path):
    composer = composer_of(toy_edits)
    remembered = feature_cache.cache_features(composer, everything(toy_edits), tmp_path)
    wanted = composer.embed(everything(toy_edits))
    np.testing.assert_allclose(remembered.embed(everything(toy_edits)), wanted, atol=1e-5)
    np.testing.assert_allclose(remembered.embed(everything(toy_edits)[::-1]), wanted[::-1], atol=1e-5)


def test_maps_words_and_missing_sides_are_kept(toy_edits, tmp_path):
    composer = composer_of(toy_edits)
    mixed = [toy_edits.queries[0], toy_edits.gallery[3], replace(toy_edits.queries[1], image=None)]
    remembered = feature_cache.cache_features(composer, mixed, tmp_path)
    found, wanted = (c.encode(c.stack([c.prepare(sample) for sample in mixed])) for c in (remembered, composer))
    for side in ("image", "text"):
        for name in ("vector", "tokens", "mask", "present"):
            one, other = (getattr(getattr(encoded, side), name) for encoded in (found, wanted))
            assert (one is None) == (other is None)
            if one is not None:
                torch.testing.assert_close(one, other)
    assert found.image.grid == wanted.image.grid == (1, 3)


def test_nothing_is_computed_twice(toy_edits, tmp_path, monkeypatch):
    feature_cache.cache_features(composer_of(toy_edits), everything(toy_edits), tmp_path)
    files = sorted(tmp_path.rglob("*.safetensors"))
    again = composer_of(toy_edits)
    forbid(monkeypatch, again)
    feature_cache.cache_features(again, everything(toy_edits), tmp_path)
    assert sorted(tmp_path.rglob("*.safetensors")) == files


def test_content_counts_not_names(toy_edits, tmp_path, monkeypatch):
    composer = composer_of(toy_edits)
    tiles = ("red", "green", "blue")
    feature_cache.cache_features(composer, [Sample("a", functools.partial(toy.draw, tiles), "make it red")], tmp_path)
    forbid(monkeypatch, composer)
    path = tmp_path / "same.png"
    toy.draw(tiles).save(path)
    feature_cache.cache_features(composer, [Sample("b", toy.draw(tiles), "make it red")], tmp_path)
    with pytest.raises(AssertionError):
        feature_cache.cache_features(composer, [Sample("a", functools.partial(toy.draw, tiles[::-1]), "")], tmp_path)
    with pytest.raises(AssertionError):
        feature_cache.cache_features(composer, [Sample("a", None, "make it blue")], tmp_path)


def test_new_samples_are_added_to_the_old(toy_edits, tmp_path):
    composer = composer_of(toy_edits)
    feature_cache.cache_features(composer, everything(toy_edits)[:40], tmp_path)
    remembered = feature_cache.cache_features(composer, everything(toy_edits), tmp_path)
    wanted = composer.embed(everything(toy_edits))
    np.testing.assert_allclose(remembered.embed(everything(toy_edits)), wanted, atol=1e-5)


def test_texts_of_different_length_share_a_batch(toy_edits, tmp_path):
    composer = composer_of(toy_edits)
    short, long = Sample("s", None, "red"), Sample("l", None, "make the left tile red")
    feature_cache.cache_features(composer, [short], tmp_path)
    remembered = feature_cache.cache_features(composer, [long], tmp_path)
    np.testing.assert_allclose(remembered.embed([short, long]), composer.embed([short, long]), atol=1e-5)


def test_an_encoder_with_other_weights_has_other_features(toy_edits, tmp_path):
    composer = composer_of(toy_edits)
    feature_cache.cache_features(composer, toy_edits.gallery[:3], tmp_path)
    other = composer_of(toy_edits)
    with torch.no_grad():
        other.encoders[0].position.add_(1)
    remembered = feature_cache.cache_features(other, toy_edits.gallery[:3], tmp_path)
    np.testing.assert_allclose(remembered.embed(toy_edits.gallery[:3]), other.embed(toy_edits.gallery[:3]), atol=1e-5)


def test_a_sample_that_was_not_remembered_is_named(toy_edits, tmp_path):
    remembered = feature_cache.cache_features(composer_of(toy_edits), toy_edits.gallery[:3], tmp_path)
    with pytest.raises(TwinlensError, match=f"'{toy_edits.gallery[5].id}' were not computed"):
        remembered.embed([toy_edits.gallery[5]])


def test_training_on_features_trains_the_composer(toy_edits, tmp_path):
    composer = composer_of(toy_edits)
    remembered = feature_cache.cache_features(composer, everything(toy_edits), tmp_path)
    before = composer.digest
    loop.train(remembered, toy_edits, toy_edits, progress=False)
    composer.eval()
    assert composer.digest != before
    samples = everything(toy_edits)
    np.testing.assert_allclose(remembered.embed(samples), composer.embed(samples), atol=1e-5)


def test_an_encoder_that_is_trained_stays_itself(toy_edits, tmp_path):
    composer = composer_of(toy_edits, frozen=("patches",))
    remembered = feature_cache.cache_features(composer, everything(toy_edits), tmp_path)
    assert isinstance(remembered.encoders[0], feature_cache.CachedEncoder)
    assert remembered.encoders[1] is composer.encoders[1]


def test_a_damaged_file_is_named_with_the_way_out(toy_edits, tmp_path):
    composer = composer_of(toy_edits)
    feature_cache.cache_features(composer, toy_edits.gallery[:3], tmp_path)
    path = next(iter(sorted(tmp_path.rglob("*.safetensors"))))
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(TwinlensError, match="is damaged; delete it"):
        feature_cache.cache_features(composer, toy_edits.gallery[:3], tmp_path)


def test_a_half_written_file_does_not_count(toy_edits, tmp_path):
    composer = composer_of(toy_edits)
    feature_cache.cache_features(composer, toy_edits.gallery[:3], tmp_path)
    for path in tmp_path.rglob("*.safetensors"):
        path.replace(path.with_suffix(".1.tmp"))
    remembered = feature_cache.cache_features(composer, toy_edits.gallery[:3], tmp_path)
    np.testing.assert_allclose(
        remembered.embed(toy_edits.gallery[:3]), composer.embed(toy_edits.gallery[:3]), atol=1e-5
    )


def test_what_is_remembered_travels_to_other_processes_as_a_path(toy_edits, tmp_path):
    remembered = feature_cache.cache_features(composer_of(toy_edits), toy_edits.gallery, tmp_path)
    packed = pickle.dumps(remembered.encoders[0])
    assert len(packed) < 2_000
    assert deepcopy(remembered.encoders[0]) is remembered.encoders[0]
    copy = pickle.loads(packed)
    assert copy.prepare(toy_edits.gallery[0])["place"].tolist() == [0, 0]


def test_keyed_pictures_are_the_same_pictures(tmp_path):
    path = tmp_path / "a.png"
    toy.draw(("red", "red", "blue")).save(path)
    picture = functools.partial(toy.draw, ("red", "red", "blue"))
    samples = [Sample("file", path), Sample("drawn", picture), Sample("again", picture, "words"), Sample("none", None)]
    keyed = feature_cache.keyed(samples)
    assert keyed[1].image is keyed[2].image and keyed[3].image is None
    assert isinstance(keyed[0].image, feature_cache.HashedPicture) and isinstance(keyed[0].image(), Image.Image)
    assert [feature_cache.sample_key(s) for s in keyed] == [feature_cache.sample_key(s) for s in samples]
    assert feature_cache.keyed(keyed)[0].image is keyed[0].image


def joint(dataset) -> Composer:
    visual = {"name": "patches", "dim": 16, "height": 10, "width": 30, "patch": 10}
    encoder = {"name": "visualbert", "visual": visual, "layers": 1, "dim": 16, "heads": 2, "vocabulary": 150}
    recipe = {"name": "joint", "dim": 8, "encoders": [encoder], "fusion": {"name": "gate", "cells": [1, 1]}}
    composer = Composer.build(Recipe.model_validate(recipe))
    composer.fit(dataset.queries)
    return composer.eval()


@pytest.mark.parametrize("make", [composer_of, joint])
def test_sides_are_encoded_once_and_composed_in_any_pair(toy_edits, tmp_path, monkeypatch, make):
    composer, queries = make(toy_edits), toy_edits.queries[:12]
    texts = [query.text for query in queries[::-1]]
    mixed = [replace(query, text=text) for query, text in zip(queries, texts, strict=True)]
    versions = [*queries, *mixed, *(replace(query, text="") for query in queries)]
    versions += [replace(query, image=None) for query in queries]
    wanted = composer.embed(versions)
    cached = feature_cache.cache_sides(composer, queries, tmp_path)
    whole = composer.encoders[0]
    pictures = whole.visual if make is joint else whole
    monkeypatch.setattr(pictures, "prepare", lambda _: pytest.fail("a picture was prepared again"))
    np.testing.assert_allclose(cached.embed(feature_cache.keyed(versions)), wanted, atol=1e-5)
    assert composer.encoders[0] is whole and (make is not joint or whole.visual is pictures)


def test_an_encoder_of_both_sides_without_parts_stays(toy_edits):
    encoder = joint(toy_edits).encoders[0]
    assert Encoder.with_sides(encoder, lambda _: pytest.fail("it reads both sides")) is encoder
