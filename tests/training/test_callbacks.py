"""The callback of the training loop sees every step and epoch, and can end the training."""

from __future__ import annotations

import pytest

from tests import toy
from twinlens.models.composer import Composer
from twinlens.training import loop
from twinlens.training.callbacks import TrainingEvent


def fresh(dataset, **settings):
    composer = Composer.build(toy.recipe(**settings))
    composer.fit(dataset.queries)
    return composer


def train(dataset, callback=None, folder=None, **settings):
    composer = fresh(dataset, **settings)
    return composer, loop.train(composer, dataset, dataset, progress=False, callback=callback, folder=folder)


def test_every_step_and_every_epoch_is_told(toy_edits):
    events: list[TrainingEvent] = []
    composer, epochs = train(toy_edits, events.append, epochs=2)
    steps = [event for event in events if not event.ends_epoch]
    ends = [event for event in events if event.ends_epoch]
    assert [event.step for event in steps] == [*range(1, steps[0].total_steps + 1)]
    assert [(event.epoch, event.loss, event.metrics) for event in ends] == [
        (epoch.number, epoch.loss, {"map": epoch.score}) for epoch in epochs
    ]
    assert {event.epoch for event in steps} == {0, 1} and all(event.composer is composer for event in events)
    of_first = [event.loss for event in steps if event.epoch == 0]
    assert sum(of_first) / len(of_first) == pytest.approx(epochs[0].loss, rel=1e-5)


def test_it_changes_nothing_that_is_learned(toy_edits):
    with_callback, _ = train(toy_edits, lambda event: None, epochs=2)
    without, _ = train(toy_edits, epochs=2)
    assert with_callback.digest == without.digest


def test_true_at_the_end_of_an_epoch_ends_the_training(toy_edits):
    _, epochs = train(toy_edits, lambda event: event.ends_epoch and event.epoch == 1, epochs=5, patience=5)
    assert len(epochs) == 2


def test_true_after_a_step_ends_it_once_the_epoch_so_far_is_validated(toy_edits):
    events: list[TrainingEvent] = []

    def stop(event):
        events.append(event)
        return event.step == 2

    composer, epochs = train(toy_edits, stop, epochs=5)
    assert [event.step for event in events] == [1, 2, 2] and [event.ends_epoch for event in events] == [0, 0, 1]
    assert len(epochs) == 1 and epochs[0].loss == pytest.approx((events[0].loss + events[1].loss) / 2)
    assert composer.digest != fresh(toy_edits).digest


def test_what_it_raises_ends_the_training_and_the_last_checkpoint_stays(toy_edits, tmp_path):
    def fail(event):
        if event.epoch == 1:
            raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        train(toy_edits, fail, folder=tmp_path, epochs=3)
    steps = []
    composer, epochs = train(toy_edits, steps.append, folder=tmp_path, epochs=3)
    assert [epoch.number for epoch in epochs] == [0, 1, 2] and {event.epoch for event in steps} == {1, 2}
    assert composer.digest == train(toy_edits, epochs=3)[0].digest


def test_a_recipe_is_trained_with_one(toy_edits):
    _, epochs = loop.train_recipe(toy.recipe(epochs=3), toy_edits, progress=False, callback=lambda event: True)
    assert len(epochs) == 1
