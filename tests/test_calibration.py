from __future__ import annotations

import json

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from twinlens.calibration import Calibration, Channel, lowest_by_hash
from twinlens.fusions._standardised import standardised_scores

CHANNELS = (Channel("image", slice(0, 4), slice(0, 4), 7), Channel("text", slice(4, 7), slice(4, 7), 8, 0.5))
TWO = (*CHANNELS, Channel("text", slice(4, 7), slice(1, 4), 7, 0.25))
"""A text is compared with a part of the picture's block too."""


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
def test_an_inner_product_for_each_pattern_gives_the_standardised_score_of_what_an_entry_has(seed, count):
    gallery, query = entries(seed, count), entries(seed + 1, 1, lacking=0)[0]
    calibration = Calibration(TWO, gallery, count)
    usable = [channel for channel in TWO if (gallery[:, channel.missing] == 0).any()]
    wanted = np.zeros(count)
    for row, entry in enumerate(gallery):
        for side in ("image", "text"):
            of_side = [channel for channel in usable if channel.side == side]
            there = [channel for channel in of_side if entry[channel.missing] == 0]
            if there:
                z = [channel.weight * standardised(gallery, channel, query)[row] for channel in there]
                wanted[row] += scale(of_side) * sum(z) / np.linalg.norm([c.weight * c.tail for c in there])
    directions = calibration.directions(query)
    found = calibration.scores(directions, gallery) if directions is not None else np.zeros(count)
    np.testing.assert_allclose(found, wanted, atol=2e-3, rtol=2e-3)


def scale(channels: list[Channel]) -> float:
    """The factor that leaves an entry with all blocks its score Σ w z / √Σ w²."""
    return float(np.linalg.norm([c.weight * c.tail for c in channels]) / np.linalg.norm([c.weight for c in channels]))


def standardised(gallery: np.ndarray, channel: Channel, query: np.ndarray) -> np.ndarray:
    scores = gallery[:, channel.entry].astype(np.float64) @ query[channel.query]
    there = scores[gallery[:, channel.missing] == 0]
    return (scores - there.mean()) / max(there.std(), 0.005)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31), st.integers(5, 60), st.sampled_from([0.0, 0.3, 0.8]), st.integers(1, 60))
def test_the_best_of_all_are_among_the_best_of_each_separated_query(seed, count, lacking, k):
    gallery, query = entries(seed, count, lacking=lacking), entries(seed + 1, 1, lacking=0)[0]
    calibration = Calibration(TWO, gallery, count)
    directions = calibration.directions(query)
    if directions is None:
        return
    scores = calibration.scores(directions, gallery)
    found = np.argsort(-(calibration.separated(directions) @ gallery.T), axis=1, kind="stable")[:, :k]
    best = np.sort(scores)[::-1][:k]
    np.testing.assert_allclose(np.sort(scores[np.unique(found)])[::-1][:k], best, atol=1e-4)


def test_a_query_of_pictures_alone_is_one_query_that_reads_no_captions():
    gallery, query = entries(8, 60, lacking=0), entries(9, 1, lacking=0)[0]
    gallery[20:, 4:7], gallery[20:, 8], query[4:7] = 0, np.sqrt(0.5), 0
    calibration = Calibration(TWO, gallery, 60)
    (along,) = calibration.separated(calibration.directions(query))
    assert len(calibration.directions(query)) == 2 and not along[4:].any()


def test_few_captions_are_judged_with_the_reference():
    gallery, query = entries(3, 200, lacking=0), entries(4, 1, lacking=0)[0]
    gallery[2:, 4:7], gallery[2:, 8] = 0, np.sqrt(0.5)
    gallery[0, 4:7] = query[4:7]
    alone = Calibration(TWO, gallery, 200)
    sentences = entries(5, 64, lacking=0)
    sentences[:, 4:7] *= 0.3  # of so few numbers a vector is never as far from a query as an unrelated sentence
    informed = Calibration(TWO, gallery, 200, sentences)
    asked = query.copy()
    asked[:4] = 0
    before, after = (c.scores(c.directions(asked), gallery) for c in (alone, informed))
    assert alone.has_few_captions() and not Calibration(TWO, entries(3, 400, lacking=0), 400).has_few_captions()
    assert after[0] > before[0] + 0.4  # alone, one of two is exactly one deviation above their mean
    assert (after > after[0]).mean() < 0.05


def test_captions_nearer_to_every_query_than_the_reference_come_first_no_oftener():
    """Titles of two words are nearer to a query of one word than whole sentences are, whatever they say."""
    rng, first = np.random.default_rng(0), 0
    channels = (Channel("text", slice(0, 40), slice(40, 80), 81), Channel("text", slice(0, 40), slice(0, 40), 80))
    title = rng.normal(size=40) / 40**0.5
    for _ in range(200):
        gallery, sentences, query = (rng.normal(size=(n, 82)).astype(np.float32) / 40**0.5 for n in (300, 32, 1))
        gallery[:, :40] += title
        query[0, :40] += title
        gallery[8:, :40], gallery[:, 80:], sentences[:, 80:] = 0, 0, 0
        gallery[8:, 80] = 1
        calibration = Calibration(channels, gallery, 300, sentences)
        scores = calibration.scores(calibration.directions(query[0]), gallery)
        first += int((np.argsort(-scores)[:10] < 8).sum())
    assert first / 2000 < 2 * 8 / 300  # one in seven if the reference's mean counts as ten captions


def test_a_caption_in_the_same_words_is_found():
    gallery = entries(6, 50, lacking=0.3)
    channel = TWO[1]
    asked = np.zeros(9, dtype=np.float32)
    asked[channel.query] = gallery[7, channel.entry] if gallery[7, 8] == 0 else gallery[8, channel.entry]
    row = 7 if gallery[7, 8] == 0 else 8
    assert np.flatnonzero(Calibration(TWO, gallery, 50).repeats(asked, gallery)).tolist() == [row]


def test_whole_vectors_are_standardised_too():
    gallery = entries(0, 50)
    calibration = Calibration((), gallery, 50)
    scores = calibration.scores(calibration.directions(gallery[0]), gallery)
    assert abs(scores.std() - 1) < 1e-6


def test_all_alike_gives_numbers_not_noise():
    gallery = np.repeat(entries(0, 1, lacking=0), 5, axis=0)
    assert np.isfinite(standardised_scores(CHANNELS, gallery[:1], gallery)).all()
    directions = Calibration(CHANNELS, gallery, 5).directions(gallery[0])
    assert directions is not None and np.abs(directions).max() < 1e3


def test_a_rare_block_is_known_from_the_entries_drawn_for_it():
    common, rare = entries(0, 20, lacking=0), entries(1, 5, lacking=0)
    common[:, 4:7], common[:, 8] = 0, np.sqrt(0.5)
    calibration = Calibration(CHANNELS, np.concatenate([common, rare]), 20)
    query = np.zeros(9, dtype=np.float32)
    query[4:7] = rare[0, 4:7]
    directions = calibration.directions(query)
    assert directions is not None and int(calibration.scores(directions, rare).argmax()) == 0
    assert Calibration(CHANNELS, common, 20).directions(query) is None


def test_the_sample_hardly_changes_when_a_row_comes():
    rows = np.arange(1000, dtype=np.int64)
    before, after = (set(rows[lowest_by_hash(rows[:count], 100)]) for count in (999, 1000))
    assert len(before - after) <= 1 and len(before) == len(after) == 100
    assert sorted(lowest_by_hash(rows[:7], 100).tolist()) == list(range(7))


def test_channels_travel_as_json():
    assert [Channel.from_json(json.loads(json.dumps(channel.to_json()))) for channel in CHANNELS] == list(CHANNELS)
