"""The steps of an epoch: reproducible, complete, and honest about what is a negative."""

from __future__ import annotations

import numpy as np
import pytest

from tests import toy
from twinlens.core.types import Dataset, Sample, TwinlensError
from twinlens.training.batches import PreparedCache, Steps


@pytest.fixture
def steps(toy_composer, toy_edits):
    return Steps(
        toy_edits,
        prepare=toy_composer.prepare,
        stack=toy_composer.stack,
        batch_size=8,
        rejected_per_query=2,
        seed=3,
    )


def test_a_step_holds_queries_targets_and_rejected_rows(steps):
    steps.start(0)
    step = steps[0]
    assert step.queries == 8
    assert step.mask.shape == (8, 8 + 16)
    assert len(step.batch["0.words"]) == 8 + 8 + 16


def test_the_same_epoch_gives_the_same_steps_and_another_one_others(steps):
    def words(epoch):
        steps.start(epoch)
        return [steps[n].batch["0.words"].tolist() for n in range(len(steps))]

    first = words(0)
    assert words(1) != first
    assert words(0) == first


def test_every_query_comes_at_most_once_in_an_epoch(steps, toy_edits):
    steps.start(4)
    assert sorted(steps.order.tolist()) == list(range(len(toy_edits.queries)))
    assert len(steps) == len(toy_edits.queries) // 8
    with pytest.raises(IndexError):
        steps[len(steps)]


def test_entries_that_answer_a_query_are_masked_in_its_row_alone(toy_composer):
    pictures = [Sample(str(n), toy.draw(("red", "green", "blue"))) for n in range(3)]
    queries = tuple(Sample(f"q{n}", None, "red") for n in range(2))
    relevant = {"q0": frozenset({"0"}), "q1": frozenset({"1"})}
    shared = {"q0": frozenset({"0", "1"}), "q1": frozenset({"1"})}

    def mask(relevant, ignore):
        data = Dataset(queries, tuple(pictures), relevant, ignore)
        steps = Steps(
            data, prepare=toy_composer.prepare, stack=toy_composer.stack, batch_size=2, rejected_per_query=0, seed=0
        )
        return [steps[0].mask.numpy() for steps.epoch in range(40)]

    assert not any(m.any() for m in mask(relevant, {}))
    assert any(m[0, 1] for m in mask(shared, {}))
    assert all(m[1, 0] for m in mask(relevant, {"q1": frozenset({"0"})}))
    assert not any(m.diagonal().any() for m in mask(shared, {"q0": frozenset({"0"})}))


def test_what_answers_a_query_is_marked_unless_it_is_left_out(toy_composer):
    pictures = tuple(Sample(str(n), toy.draw(("red", "green", "blue"))) for n in range(3))
    queries = tuple(Sample(f"q{n}", None, "red") for n in range(3))
    relevant = {"q0": frozenset({"0", "1", "2"}), "q1": frozenset({"1"}), "q2": frozenset({"2"})}
    data = Dataset(queries, pictures, relevant, {"q0": frozenset({"2"})})
    steps = Steps(
        data, prepare=toy_composer.prepare, stack=toy_composer.stack, batch_size=3, rejected_per_query=0, seed=0
    )
    step = steps[0]  # before the first shuffle the queries stand in their own order
    assert step.answers.diagonal().all()
    assert step.answers[0, 1] and not step.answers[0, 2]
    assert step.mask[0].tolist() == [False, True, True]
    assert not step.answers[1, 2] and not step.answers[2, 1]


def test_queries_without_an_answer_in_the_gallery_are_left_out(toy_composer):
    picture = toy.draw(("red", "red", "red"))
    data = Dataset((Sample("q", picture, "blue"),), (Sample("g", picture),), {"q": frozenset({"elsewhere"})})
    with pytest.raises(TwinlensError, match="at least two queries"):
        Steps(data, prepare=toy_composer.prepare, stack=toy_composer.stack, batch_size=2, rejected_per_query=0, seed=0)


def test_the_cache_prepares_once_and_stops_at_its_limit():
    calls = []

    def prepare(sample):
        calls.append(sample.id)
        return {"x": np.zeros(100, dtype=np.uint8)}

    cache = PreparedCache(prepare, limit=250)
    for name in ("a", "b", "c", "a", "b", "c"):
        cache(Sample(name, None, "x"))
    assert calls == ["a", "b", "c", "c"]
