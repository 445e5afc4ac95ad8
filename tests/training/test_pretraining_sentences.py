"""What the network of `reading` is taught, what it is not, and that it computes what was trained."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
import torch

from twinlens.core.types import TwinlensError
from twinlens.reading.grammar.parse import parse
from twinlens.reading.programs import meaning_of
from twinlens.reading.words import Sizes, words
from twinlens.shapes.sentences import FAMILIES, random_sentence
from twinlens.training.pretraining import sentences
from twinlens.training.pretraining.crossing import Crossing
from twinlens.training.pretraining.forms import HELD_OUT, has_held_out_form
from twinlens.training.pretraining.rewording import reworded
from twinlens.training.pretraining.writer import Layers

SAME_IN_OTHER_WORDS = {"spread", "together"}
"""Families that are taught and say in other words what `n_boxes` says; docs/reading.md tells."""
SIZES = Sizes(vocabulary=60, symbols=120, embedding=8, hidden=6)


@pytest.fixture(scope="module")
def pairs() -> list[sentences.Taught]:
    return list(islice(sentences.taught(np.random.default_rng(3)), 1500))


def test_held_out_families_are_families():
    assert set(HELD_OUT) < set(FAMILIES)
    assert set(sentences.training_families()) == set(FAMILIES) - set(HELD_OUT)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_forms_of_held_out_families_are_held_out_and_those_of_no_other(family):
    rng = np.random.default_rng(1)
    held = {has_held_out_form(parse(random_sentence(rng, family).text)) for _ in range(40)}
    assert held == {family in HELD_OUT or family in SAME_IN_OTHER_WORDS}


@pytest.mark.parametrize(
    "text",
    [
        "There is a blue circle, and also none of the boxes has a yellow square.",
        "Exactly two boxes have a medium circle.",
        "Each box has no blue circle.",
        "There are no circles touching the left edge.",
        "Each tower has a black top and exactly three blocks.",
    ],
)
def test_held_out_forms_are_found_inside_others_and_in_other_words(text):
    assert has_held_out_form(parse(text))


def test_no_taught_sentence_is_of_a_held_out_form(pairs):
    in_other_words = [row for _, row in pairs if has_held_out_form(meaning_of(row))]
    assert len(in_other_words) < 0.05 * len(pairs)  # those of `spread` and `together`
    assert all(row[0] == "And" or (row[0] == "Boxes:box" and row[-2] == "Number:1:") for row in in_other_words)


def test_crossed_meanings_negate_every_kind_of_condition():
    crossing = Crossing(np.random.default_rng(0))
    texts = " ".join(repr(crossing.statement()) for _ in range(2000))
    for name in ("AtEdge", "At", "Touching", "Over", "Under", "Between", "Within", "Either", "Is"):
        assert f"Not(condition={name}(" in texts


@pytest.mark.parametrize(
    "text",
    [
        "All blue circles are items not of yellow color.",
        "There are more blue items than circles.",
        "There is a box with exactly two circles touching the edge.",
        "None of the towers has at least three blocks.",
        "There are at most three triangles not touching the edge.",
    ],
)
def test_what_is_reworded_and_still_read_means_the_same(text):
    rng, meaning = np.random.default_rng(0), parse(text)
    others = {" ".join(reworded(words(text), rng)) for _ in range(60)}
    read = [parse(other) for other in others]
    assert len(others) > 10
    assert sum(one is not None for one in read) > 2
    assert np.mean([one == meaning for one in read if one is not None]) > 0.8


def test_whole_numbers_compute_what_was_trained(pairs):
    torch.manual_seed(0)
    layers = Layers(SIZES).eval()
    network = sentences.WordNetwork(*_known(pairs), layers.weights())
    given = network.numbers(words("there is exactly two blue circle"))
    read = network._read(given)
    state = np.tanh(read.mean(axis=0) @ network.weights["first"] + network.weights["first_bias"])
    first, _ = network._written(0, (sentences.MEANING,), state, read)
    slots = torch.tensor([[sentences.SLOTS.index(sentences.MEANING)]])
    shorter = torch.tensor([given, [*given[:4], *[0] * (len(given) - 4)]])  # padding changes nothing
    chances = layers(shorter, torch.zeros(2, 1, dtype=torch.int64), slots.repeat(2, 1))[0, 0]
    allowed = sentences._allowed(network, SIZES)[slots[0, 0]]
    assert first == int(chances.masked_fill(~allowed, -1e9).argmax())
    assert {name: weight.shape for name, weight in network.weights.items()} == SIZES.shapes()


def test_more_symbols_than_the_network_has_are_refused(pairs):
    with pytest.raises(TwinlensError, match="raise the option symbols"):
        sentences._unfitted(pairs, SIZES._replace(symbols=5))


def test_a_short_training_lowers_the_loss():
    settings = sentences.Settings(steps=30, sentences=400, sizes=SIZES)
    network = sentences.train(settings, seed=0, progress=False)
    untrained = sentences.train(settings._replace(steps=0), seed=0, progress=False)
    assert network.words == untrained.words and "circle" in network.words
    assert not np.array_equal(network.weights["next"], untrained.weights["next"])


def _known(pairs) -> tuple[tuple[str, ...], tuple[str, ...]]:
    network = sentences._unfitted(pairs, SIZES)
    return network.words, network.symbols
