from __future__ import annotations

import json

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from twinlens.calibration import Calibration, Channel, lowest_by_hash, standardised_scores

CHANNELS = (Channel("image", slice(0, 4), slice(0, 4), 7), Channel("text", slice(4, 7), slice(4, 7), 8, 0.5))


def entries(seed: int, count: int, *, lacking: float = 0.3) -> np.ndarray:
    """Vectors [picture 4; words 3; flags 2] / √2."""
    rng = np.random.default_rng(seed)
    blocks = [rng.normal(size=(count, width)) for width in (4, 3)]
    blocks = [block / np.linalg.norm(block, axis=1, keepdims=True) for block in blocks]
    gone = rng.random((count, 2)) < lacking
    sides = [np.where(gone[:, [n]], 0, block) for n, block in enumerate(blocks)]
    return (np.concatenate([*sides, gone], axis=1) / np.sqrt(2)).astype(np.float32)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31), st.integers(3, 60))
def test_one_inner_product_gives_the_sum_of_standardised_scores(seed, count):
    gallery, query = entries(seed, count), entries(seed + 1, 1, lacking=0)[0]
    direction = Calibration(CHANNELS, gallery, count).direction(query)
    wanted = np.zeros(count)
    for channel in CHANNELS:
        there = gallery[:, channel.missing] == 0
        scores = gallery[:, channel.entry] @ query[channel.query]
        if there.any():
            wanted += np.where(there, (scores - scores[there].mean()) / max(scores[there].std(), 0.005), 0)
    found = gallery @ direction if direction is not None else np.zeros(count)
    np.testing.assert_allclose(found - found.mean(), wanted - wanted.mean(), atol=1e-3)


def test_whole_vectors_are_standardised_too():
    gallery = entries(0, 50)
    scores = Calibration((), gallery, 50).scores(Calibration((), gallery, 50).direction(gallery[0]))
    assert abs(scores.std() - 1) < 1e-6


def test_all_alike_gives_numbers_not_noise():
    gallery = np.repeat(entries(0, 1, lacking=0), 5, axis=0)
    assert np.isfinite(standardised_scores(CHANNELS, gallery[:1], gallery)).all()
    direction = Calibration(CHANNELS, gallery, 5).direction(gallery[0])
    assert direction is not None and np.abs(direction).max() < 1e3


def test_a_rare_block_is_known_from_the_entries_drawn_for_it():
    common, rare = entries(0, 20, lacking=0), entries(1, 5, lacking=0)
    common[:, 4:7], common[:, 8] = 0, np.sqrt(0.5)
    calibration = Calibration(CHANNELS, np.concatenate([common, rare]), 20)
    query = np.zeros(9, dtype=np.float32)
    query[4:7] = rare[0, 4:7]
    direction = calibration.direction(query)
    assert direction is not None and int((rare @ direction).argmax()) == 0
    assert Calibration(CHANNELS, common, 20).direction(query) is None


def test_the_sample_hardly_changes_when_a_row_comes():
    rows = np.arange(1000, dtype=np.int64)
    before, after = (set(rows[lowest_by_hash(rows[:count], 100)]) for count in (999, 1000))
    assert len(before - after) <= 1 and len(before) == len(after) == 100
    assert sorted(lowest_by_hash(rows[:7], 100).tolist()) == list(range(7))


def test_channels_travel_as_json():
    assert [Channel.from_json(json.loads(json.dumps(channel.to_json()))) for channel in CHANNELS] == list(CHANNELS)
