"""Detections of a frozen detector are cached in memory, and in files that other encoders read."""

from __future__ import annotations

import copy

import torch

from tests.encoders.test_regions import SAMPLES, batch, find, fitted
from twinlens.encoders.regions import Regions


def test_a_frozen_detector_runs_once_per_picture(monkeypatch):
    encoder, batches = Regions(words=0).eval(), []
    detect = encoder.detect
    monkeypatch.setattr(encoder, "detect", lambda pixels, extent: batches.append(len(pixels)) or detect(pixels, extent))
    first = find(encoder, [*SAMPLES[:2], SAMPLES[0]])
    again = find(encoder, [SAMPLES[1], SAMPLES[3], SAMPLES[0]])
    assert batches == [2, 1]
    torch.testing.assert_close(first.tokens[1], again.tokens[0, : first.tokens.shape[1]])
    encoder.load_state_dict(encoder.state_dict())
    find(encoder, SAMPLES[:1])
    assert batches == [2, 1]


def test_other_weights_clear_the_cache(monkeypatch):
    encoder = Regions(words=0).eval()
    find(encoder, SAMPLES[:1])
    encoder.load_state_dict({key: 0 * tensor for key, tensor in encoder.state_dict().items()})
    assert find(encoder, SAMPLES[:1]).mask.sum() == 1


def test_another_encoder_reads_the_cached_files(tmp_path, monkeypatch):
    first, second = fitted(), fitted()
    second.load_state_dict(first.state_dict())
    expected = find(first, SAMPLES)
    first.cache_to(tmp_path)
    find(first, SAMPLES)
    second.cache_to(tmp_path)
    for computing in (second.detector.rpn, second.detector.roi_heads):
        monkeypatch.setattr(computing, "forward", None)
    monkeypatch.setattr("twinlens.encoders._dense_sift.describe", None)
    again = find(second, SAMPLES)
    torch.testing.assert_close(again.tokens, expected.tokens, atol=0, rtol=0)
    assert torch.equal(again.mask, expected.mask)


def test_the_cache_in_memory_is_bounded_shared_by_copies_and_not_pickled(monkeypatch):
    monkeypatch.setattr("twinlens.encoders._detections.LIMIT", 20_000)
    encoder = Regions(words=0)
    find(encoder, SAMPLES)
    held = sum(part.nbytes for row in encoder.detection_cache.rows.values() for part in row)
    assert 0 < held <= 20_000
    assert len(encoder.detection_cache.rows) < len(SAMPLES)
    assert copy.deepcopy(encoder).detection_cache is encoder.detection_cache
    assert not copy.copy(encoder.detection_cache).rows  # as pickling does it


def test_detections_cached_without_gradients_serve_training():
    encoder = fitted()
    find(encoder, SAMPLES)
    layer = torch.nn.Linear(encoder.dim, 2)
    layer(encoder(batch(encoder, SAMPLES)).image.tokens).sum().backward()
    assert layer.weight.grad.abs().sum() > 0
