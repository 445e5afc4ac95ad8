"""The training loop: it learns, it reproduces, and it goes on after a kill as if nothing had happened."""

from __future__ import annotations

import math

import pytest
import torch

from tests import toy
from twinlens.core.recipe import find_recipe, presets
from twinlens.core.types import TwinlensError
from twinlens.evaluation.baselines import similarities
from twinlens.evaluation.judgements import Judgements
from twinlens.models.composer import Composer
from twinlens.splits import hold_out
from twinlens.training import loop


def fresh(dataset, seed=0, **settings):
    composer = Composer.build(toy.recipe(**settings), seed=seed)
    composer.fit(dataset.queries)
    return composer


def hit_at_1(composer, dataset):
    judgements = Judgements.of(dataset)
    scores = similarities(composer, judgements.queries, judgements.gallery)
    return judgements.per_query(scores)["hit@1"].mean()


def test_training_learns_edits_that_it_has_not_seen(toy_edits):
    """Single seeds end between .15 and 1 (chance: .04), depending on how a processor rounds; so their mean is asked."""
    learned = []
    for seed in range(3):
        train, test = hold_out(toy_edits, 0.25, seed)
        composer = fresh(train, seed=seed, epochs=40, patience=40, learning_rate=0.003)
        epochs = loop.train(composer, train, test, seed=seed, progress=False)
        assert epochs[-1].loss < epochs[0].loss / 2
        learned.append(hit_at_1(composer, test))
    assert sum(learned) / 3 > 4 / len(toy_edits.gallery)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_products_are_computed_in_the_precision_of_the_recipe(toy_edits, precision, monkeypatch):
    asked = []
    autocast = torch.autocast
    monkeypatch.setattr(torch, "autocast", lambda *a, **k: asked.append(k["enabled"]) or autocast(*a, **k))
    composer = fresh(toy_edits, epochs=1, precision=precision)
    epochs = loop.train(composer, toy_edits, toy_edits, progress=False)
    assert set(asked) == {precision == "bfloat16"}
    assert math.isfinite(epochs[0].loss)
    assert all(parameter.dtype == torch.float32 and parameter.isfinite().all() for parameter in composer.parameters())


def test_a_recipe_is_trained_in_float32_unless_it_says_otherwise():
    assert {find_recipe(name).training.precision for name in presets()} == {"float32"}


def test_the_seed_reproduces_a_run(toy_edits):
    runs = []
    for _ in range(2):
        composer = fresh(toy_edits)
        loop.train(composer, toy_edits, toy_edits, seed=7, progress=False)
        runs.append(composer.digest)
    assert runs[0] == runs[1]


def test_a_run_that_was_cut_off_ends_as_an_undisturbed_one(toy_edits, tmp_path):
    undisturbed = fresh(toy_edits, epochs=3)
    loop.train(undisturbed, toy_edits, toy_edits, progress=False)

    class Killed(BaseException):
        pass

    saved = loop._save

    def save_then_die(run, path):
        saved(run, path)
        raise Killed

    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        patch.setattr(loop, "_save", save_then_die)
        loop.train(fresh(toy_edits, epochs=3), toy_edits, toy_edits, folder=tmp_path, progress=False)
    resumed = fresh(toy_edits, epochs=3)
    epochs = loop.train(resumed, toy_edits, toy_edits, folder=tmp_path, progress=False)
    assert [epoch.number for epoch in epochs] == [0, 1, 2]
    assert resumed.digest == undisturbed.digest


def test_a_checkpoint_of_another_run_is_refused(toy_edits, tmp_path):
    loop.train(fresh(toy_edits, epochs=1), toy_edits, toy_edits, folder=tmp_path, progress=False)
    with pytest.raises(TwinlensError, match="another recipe, dataset or seed"):
        loop.train(fresh(toy_edits, epochs=1), toy_edits, toy_edits, folder=tmp_path, seed=1, progress=False)


def test_early_stopping_keeps_the_best_epoch(toy_edits):
    composer = fresh(toy_edits, epochs=50, patience=1, learning_rate=1e-9)
    epochs = loop.train(composer, toy_edits, toy_edits, progress=False)
    assert len(epochs) < 50
    best = max(epoch.score for epoch in epochs)
    assert loop.validation_score(composer, toy_edits) == pytest.approx(best)


def test_worker_processes_change_nothing(toy_edits):
    digests = []
    for workers in (0, 2):
        composer = fresh(toy_edits, epochs=1)
        loop.train(composer, toy_edits, toy_edits, workers=workers, progress=False)
        digests.append(composer.digest)
    assert digests[0] == digests[1]


def test_frozen_encoders_stay_as_they_are(toy_edits):
    composer = fresh(toy_edits, epochs=1, frozen=("visualbert",))
    before = {k: v.clone() for k, v in composer.encoders.named_parameters()}
    gate = composer.fusion.gate[0].weight.detach().clone()
    loop.train(composer, toy_edits, toy_edits, progress=False)
    assert all(torch.equal(before[key], value) for key, value in composer.encoders.named_parameters())
    assert not torch.equal(gate, composer.fusion.gate[0].weight)
