"""The encoder `facts`, on a small space."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from tests.reading.test_fact_space import scenes
from twinlens.core.types import Sample, TwinlensError
from twinlens.encoders.facts import Facts
from twinlens.preparation.facts import FILE
from twinlens.reading.grammar.parse import parse
from twinlens.reading.table import Table
from twinlens.reading.words import Sizes, WordNetwork
from twinlens.shapes.drawing import draw
from twinlens.shapes.edits import random_edit
from twinlens.training.pretraining.reading import fit_space

SIZES = {"facts": 96, "box_facts": 120, "width": 24, "box_width": 12, "scenes": 200}
SIZES |= {"vocabulary": 5, "symbols": 9, "embedding": 3, "hidden": 2}
SYMBOLS = ("Count", "Is:colour:blue", "Is:shape:circle", "Number:1:", "Number:2:2", "end")
STATEMENT, UNREAD = "There is a blue circle.", "some blue thing or other"
OPEN = "There is a tower with two blue blocks at the top."


def network(seed: int = 3) -> WordNetwork:
    rng = np.random.default_rng(seed)
    shapes = Sizes(5, 9, 3, 2).shapes()
    weights = {name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
    return WordNetwork(("blue", "thing", "or", "circle", "a"), SYMBOLS, weights)


@pytest.fixture(scope="module")
def encoder() -> Facts:
    encoder = Facts(**SIZES)
    encoder.adopt(fit_space(encoder, 300, 0), network())
    return encoder


def encode(encoder, *samples):
    prepared = [encoder.prepare(sample) for sample in samples]
    return encoder({key: torch.from_numpy(np.stack([p[key] for p in prepared])) for key in prepared[0]})


def test_pictures_are_the_facts_of_their_items(encoder):
    drawn = scenes(7, 4)
    image = encode(encoder, *(Sample("", draw(scene)) for scene in drawn), Sample("", None, STATEMENT)).image
    assert image.vector.shape == (5, encoder.dim) and image.present.tolist() == [True] * 4 + [False]
    np.testing.assert_allclose(image.vector[:4], encoder.space.vectors(Table.of(drawn)), atol=1e-6)


def test_a_picture_of_another_world_counts_as_missing(encoder):
    image = encode(encoder, Sample("", Image.new("RGB", (400, 100), "red"))).image
    assert not image.present.any() and not image.vector.any()


def test_sentences_are_directions(encoder):
    text = encode(encoder, Sample("", None, STATEMENT), Sample("", None, UNREAD), Sample("", None, " ")).text
    np.testing.assert_array_equal(text.vector[0], encoder.space.direction(parse(STATEMENT)))
    guess = encoder.network(UNREAD)
    assert parse(UNREAD) is None and guess is not None
    np.testing.assert_array_equal(text.vector[1], encoder.space.direction(guess))
    assert text.present.tolist() == [True, True, False] and not text.vector[2].any()


def test_a_sentence_that_may_be_meant_in_two_ways_is_not_guessed(encoder, monkeypatch):
    monkeypatch.setattr(WordNetwork, "__call__", lambda *_: parse(STATEMENT))
    text = encode(encoder, Sample("", None, OPEN), Sample("", None, "any other words")).text
    assert text.vector.any(axis=1).tolist() == [False, True] and text.present.all()


def test_an_encoder_tells_what_it_guesses(encoder):
    instruction = random_edit(np.random.default_rng(2), scenes(1, 20)[0], "recolour").instruction
    assert encoder.guesses(UNREAD)
    assert not any(encoder.guesses(text) for text in (STATEMENT, OPEN, " ", instruction))


def test_an_instruction_gives_the_facts_of_the_edited_items(encoder):
    rng = np.random.default_rng(2)
    scene = next(scene for scene in scenes(8, 20) if not scene.is_towers)
    edit = random_edit(rng, scene, "recolour")
    samples = [Sample("", draw(scene), edit.instruction), Sample("", None, edit.instruction)]
    text = encode(encoder, *samples, Sample("", draw(scene), STATEMENT)).text
    assert text.mask.tolist() == [[True], [False], [False]]
    np.testing.assert_allclose(text.tokens[0, 0], encoder.space.vectors(Table.of([edit.target]))[0], atol=1e-6)
    assert not text.vector[:2].any() and text.vector[2].any()


def test_it_comes_back_from_its_files(encoder, tmp_path):
    encoder.save_assets(tmp_path)
    again = Facts(**SIZES)
    again.load_assets(tmp_path)
    again.load_state_dict(encoder.state_dict())
    samples = [Sample("", draw(scenes(9, 1)[0]), text) for text in (STATEMENT, UNREAD, "remove the blue circle")]
    for side in ("image", "text"):
        assert torch.equal(
            getattr(encode(again, *samples), side).vector, getattr(encode(encoder, *samples), side).vector
        )


def test_damaged_files_are_refused(tmp_path):
    (tmp_path / FILE).write_text('{"picture": [{"is": "Count"}], "box": [], "words": [], "symbols": []}')
    with pytest.raises(TwinlensError):
        Facts(**SIZES).load_assets(tmp_path)
    (tmp_path / FILE).write_text("[]")
    with pytest.raises(TwinlensError, match="cannot be read; copy the whole model again"):
        Facts(**SIZES).load_assets(tmp_path)
