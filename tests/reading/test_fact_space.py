"""Facts as vectors and meanings as directions, on a small space."""

from __future__ import annotations

import numpy as np
import pytest

from twinlens.reading.drawing import random_meaning
from twinlens.reading.facts import LEAST_SHARE, FactSpace, Projection, different, executed, quantise
from twinlens.reading.forms import MOST_ITEMS
from twinlens.reading.grammar.parse import parse
from twinlens.reading.meanings import NONE, SOME, Count, Is, Kind
from twinlens.reading.table import Table
from twinlens.shapes.scenes import NLVR_ITEMS, NLVR_TOWER_SHARE, Scene, random_scene

WIDTH, BOX_WIDTH = 48, 8


def scenes(seed: int, count: int) -> list[Scene]:
    rng = np.random.default_rng(seed)
    return [random_scene(rng, items=NLVR_ITEMS, tower_share=NLVR_TOWER_SHARE) for _ in range(count)]


@pytest.fixture(scope="module")
def space() -> FactSpace:
    rng, table = np.random.default_rng(0), Table.of(scenes(1, 600))
    picture = different(lambda: random_meaning(rng), table, 200)
    box = [Count(Kind((Is("colour", colour),)), SOME) for colour in ("yellow", "black", "blue")]
    box += different(lambda: random_meaning(rng), table.boxes_alone, 20)
    return FactSpace.fit(picture, box, table, width=WIDTH, box_width=BOX_WIDTH, keep=500)


def test_vectors_have_unit_length_and_the_width(space):
    vectors = space.vectors(Table.of(scenes(2, 20)))
    assert vectors.shape == (20, space.width) == (20, WIDTH + 3 * BOX_WIDTH)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_only_the_part_of_boxes_depends_on_their_order(space):
    drawn = scenes(3, 20)
    vectors, turned = (space.vectors(Table.of([s.reordered(order) for s in drawn])) for order in ((0, 1, 2), (1, 2, 0)))
    np.testing.assert_allclose(vectors[:, :WIDTH], turned[:, :WIDTH], atol=1e-6)
    parts = [array[:, WIDTH:].reshape(20, 3, BOX_WIDTH) for array in (vectors, turned)]
    np.testing.assert_allclose(parts[0][:, [1, 2, 0]], parts[1], atol=1e-6)
    assert not np.allclose(parts[0], parts[1])


def test_a_vector_depends_on_its_scene_alone(space):
    table = Table.of(scenes(4, 8))
    np.testing.assert_allclose(space.vectors(table)[:3], space.vectors(table.part(slice(3))), atol=1e-6)


def test_directions_are_ridge_regressions_of_the_truth(space):
    meaning = parse("There is a blue circle touching the edge.")
    truth = space.truths([meaning])[0]
    examples = space.examples * space.examples_scale
    examples -= examples.mean(axis=0)
    products = examples.T @ examples + 0.3 * np.eye(WIDTH)
    wanted = np.linalg.solve(products, examples.T @ (truth - truth.mean()))
    direction = space.direction(meaning)
    np.testing.assert_allclose(direction[:WIDTH], wanted / np.linalg.norm(wanted), atol=1e-3)
    assert not direction[WIDTH:].any()


def test_a_meaning_that_is_always_true_has_no_direction(space):
    assert not space.direction(Count(Kind(), SOME)).any() and not space.direction(Count(Kind(), NONE)).any()


def test_facts_differ_and_are_neither_rare_nor_common(space):
    shares = executed(Table.of(scenes(1, 600)), space.picture).mean(axis=0)
    assert shares.min() >= LEAST_SHARE and shares.max() <= 1 - LEAST_SHARE
    assert len(set(space.picture)) == len(space.picture)


def test_drawn_scenes_have_room_for_all_items(space):
    assert space.scenes.shape == (500, 3, MOST_ITEMS, 5)
    assert executed(Table.from_arrays(space.scenes), space.picture).tolist() == (
        executed(Table.of(scenes(1, 600)[:500]), space.picture).tolist()
    )


def test_no_scenes_have_no_vectors(space):
    assert space.vectors(Table.of(scenes(5, 1)).part(slice(0))).shape == (0, space.width)


def test_rounding_keeps_a_percent():
    values = np.random.default_rng(0).normal(size=(50, 6)).astype(np.float32)
    rounded, scale = quantise(values)
    assert rounded.dtype == np.int8
    np.testing.assert_allclose(rounded * scale, values, atol=0.01 * np.abs(values).max())


def test_a_projection_keeps_what_varies_most():
    rng = np.random.default_rng(0)
    facts = rng.random((400, 6)) < np.array([0.5, 0.5, 0.01, 0.99, 0.01, 0.01])
    projection = Projection.fit(facts, 2)
    assert (np.abs(projection.axes * projection.scale)[:2].max(axis=1) > 0.6).all()
