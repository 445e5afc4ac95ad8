"""Descriptors are cached by content: every vocabulary reads them and assigns its own words."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from twinlens.core.types import Sample
from twinlens.encoders.bovw import Bovw
from twinlens.shapes.drawing import draw
from twinlens.shapes.scenes import random_scene

SAMPLES = [Sample(str(n), draw(random_scene(np.random.default_rng(n)))) for n in range(4)]


def fitted(*, words: int = 16, seed: int = 0, array_cache: object = None) -> Bovw:
    encoder = Bovw(words=words, seed=seed)
    if array_cache is not None:
        encoder.cache_to(array_cache)
    encoder.fit(SAMPLES)
    return encoder


def tokens(encoder: Bovw) -> Tensor:
    arrays = [encoder.prepare(sample) for sample in SAMPLES]
    return encoder({key: torch.from_numpy(np.stack([one[key] for one in arrays])) for key in arrays[0]}).image.tokens


def test_cached_descriptors_change_nothing_and_serve_other_vocabularies(tmp_path, monkeypatch):
    expected, other = tokens(fitted()), tokens(fitted(words=8))
    assert torch.equal(tokens(fitted(array_cache=tmp_path)), expected)
    monkeypatch.setattr("twinlens.encoders._dense_sift.describe", None)
    assert torch.equal(tokens(fitted(words=8, array_cache=tmp_path)), other)


def test_other_options_have_another_cache(tmp_path, monkeypatch):
    fitted(array_cache=tmp_path)
    monkeypatch.setattr("twinlens.encoders._dense_sift.describe", None)
    finer = Bovw(words=16, step=4)
    finer.cache_to(tmp_path)
    with pytest.raises(TypeError):
        finer.fit(SAMPLES)


def test_cached_words_are_cleared_with_the_vocabulary(tmp_path):
    encoder, other = fitted(array_cache=tmp_path), fitted(seed=1)
    before = tokens(encoder)
    encoder.load_state_dict(other.state_dict())
    assert not torch.equal(tokens(encoder), before)
    assert torch.equal(tokens(encoder), tokens(other))
