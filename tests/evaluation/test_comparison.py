"""Comparison: one budget for all, finished runs read instead of run again, and figures that can be checked by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.training.test_feature_cache import TOWERS
from twinlens.core.recipe import Recipe
from twinlens.core.types import TwinlensError
from twinlens.evaluation.comparison import methods, runs
from twinlens.evaluation.comparison.bench import Bench
from twinlens.evaluation.comparison.compare import ComparisonSettings, Parts, compare
from twinlens.splits import hold_out

RECIPE = Recipe.parse(TOWERS, source="test")


@pytest.fixture(scope="module")
def parts(request):
    train, test = hold_out(request.getfixturevalue("toy_edits"), 0.3, 0)
    train, validation = hold_out(train, 0.2, 0)
    return Parts(train, validation, test)


def run(parts, folder, recipe=RECIPE, **changed):
    options = {"names": ["concat", "product"], "repeats": 2, "runs": folder / "runs", "cache": folder, "rates": [0.001]}
    return compare(recipe, parts, ComparisonSettings(**{**options, **changed}))


def files(folder, pattern="*"):
    return {path.stem for path in (folder / "runs" / RECIPE.name).glob(f"{pattern}.json")}


@pytest.fixture(scope="module")
def finished(parts, tmp_path_factory):
    folder = tmp_path_factory.mktemp("comparison")
    return folder, run(parts, folder)


def test_every_table_carries_the_baselines(finished):
    _, result = finished
    assert set(result["methods"]) == {"concat", "product", "pixel_count", "random", *methods.BASELINES}
    kinds = {name: row["kind"] for name, row in result["methods"].items()}
    assert kinds["concat"] == "trained" and kinds["product"] == "training-free"
    assert {kinds[name] for name in (*methods.BASELINES, "pixel_count", "random")} == {"baseline"}


def test_the_table_is_ordered_and_says_what_is_best(finished):
    _, result = finished
    means = {name: row["metrics"]["hit@1"]["mean"] for name, row in result["methods"].items()}
    assert list(means.values()) == sorted(means.values(), reverse=True)
    assert means[result["best"]] == max(means.values())
    baselines = (*methods.BASELINES, "pixel_count", "random")
    assert means[result["best_baseline"]] == max(means[name] for name in baselines)


def test_a_row_has_all_that_the_table_shows(finished):
    _, result = finished
    row = result["methods"]["concat"]
    low, high = row["metrics"]["hit@1"]["ci95"]
    assert low <= row["metrics"]["hit@1"]["mean"] <= high
    assert np.mean(row["metrics"]["hit@1"]["seeds"]) == pytest.approx(row["metrics"]["hit@1"]["mean"])
    assert row["parameters"] > 0 == result["methods"]["product"]["parameters"]
    assert row["query_ms"] > 0
    assert 0 < row["over_baseline"]["p_value"] <= 1
    assert row["composition_gap"]["over"] in ("image_only", "text_only")
    assert row["shuffled_text"]["hit@1"] <= 1


def test_finished_runs_are_not_run_again(finished, parts, monkeypatch):
    folder, first = finished

    def refuse(*_):
        raise AssertionError("a finished run was run again")

    monkeypatch.setattr(Bench, "run", refuse)
    assert run(parts, folder) == first


def test_finished_runs_alone_make_the_table_or_a_line(parts, tmp_path, monkeypatch):
    """Without a run or without the trial of a learning rate nothing is trained; with both nothing is embedded."""
    options = {"names": ["concat"], "repeats": 1, "rates": [0.001, 0.002]}
    first = run(parts, tmp_path, **options)
    monkeypatch.setattr(Bench, "run", None)
    (tmp_path / "features").rename(tmp_path / "elsewhere")
    assert run(parts, tmp_path, finished_only=True, **options) == first
    assert not (tmp_path / "features").exists()
    folder = tmp_path / "runs" / RECIPE.name
    for trial, title in (("rates/concat-0.002-*", "learning rates"), ("sum-*", "runs")):
        (file,) = folder.glob(f"{trial}.json")
        kept = file.read_bytes()
        file.unlink()
        with pytest.raises(TwinlensError, match=f"{title}: 1 of . are missing in .*{file.name}; train them first"):
            run(parts, tmp_path, finished_only=True, **options)
        file.write_bytes(kept)


def test_a_comparison_that_was_cut_off_goes_on(finished, parts, tmp_path, monkeypatch):
    _, undisturbed = finished
    original, done = Bench.run, []

    def stop_after_two(self, method, seed, key):
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(key)
        return original(self, method, seed, key)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Bench, "run", stop_after_two)
        run(parts, tmp_path)
    assert files(tmp_path) == set(done)
    resumed = run(parts, tmp_path)
    for name, row in undisturbed["methods"].items():
        assert resumed["methods"][name]["metrics"] == row["metrics"]


def test_processes_change_nothing(finished, parts, tmp_path):
    _, alone = finished
    together = run(parts, tmp_path, names=["concat"], workers=2)
    assert together["methods"]["concat"]["metrics"] == alone["methods"]["concat"]["metrics"]


@pytest.mark.parametrize("change", ["seed", "recipe", "answers", "pictures"])
def test_a_run_of_something_else_does_not_count(finished, parts, tmp_path, change):
    folder, _ = finished
    before = files(folder, "sum-*")
    train, test = parts.train, parts.test
    recipe, seed = RECIPE, 0
    if change == "seed":
        seed = 7
    elif change == "recipe":
        recipe = RECIPE.model_copy(update={"training": RECIPE.training.model_copy(update={"weight_decay": 0.1})})
    elif change == "answers":
        test = replace(test, ignore={test.queries[0].id: frozenset([test.gallery[-1].id])})
    else:
        train = replace(train, gallery=(replace(train.gallery[0], image=train.gallery[1].image), *train.gallery[1:]))
    run(replace(parts, train=train, test=test), folder, recipe, names=[], repeats=1, seed=seed)
    assert len(files(folder, "sum-*") - before) == 1


def test_a_run_counts_wherever_and_in_whatever_version_it_was_made(finished, parts, tmp_path, monkeypatch):
    folder, first = finished
    (tmp_path / "runs").symlink_to(folder / "runs")
    monkeypatch.setattr("twinlens.version.__version__", "9.9")
    monkeypatch.setattr(Bench, "run", None)
    renamed = RECIPE.model_copy(update={"description": "another"})
    assert run(parts, tmp_path, renamed)["methods"] == first["methods"]


def test_a_run_of_other_code_of_the_method_does_not_count(finished, parts, monkeypatch):
    folder, _ = finished
    before = files(folder, "sum-*")
    monkeypatch.setattr(runs, "code_digest", lambda _: "other")
    run(parts, folder, names=[], repeats=1)
    assert len(files(folder, "sum-*") - before) == 1


def test_every_method_is_tried_with_every_rate_and_learns_with_the_best(parts, tmp_path):
    rates = [1e-6, 0.003, 0.01]
    result = run(parts, tmp_path, metric="map", rates=rates, repeats=1)
    assert set(result["trials"]) == {"concat", "sum"}
    for name, trials in result["trials"].items():
        best = max(trials, key=trials.__getitem__)
        assert list(trials) == rates
        assert result["methods"][name]["learning_rate"] == best
    assert result["methods"]["product"]["learning_rate"] is None
    assert len(list((tmp_path / "runs" / RECIPE.name / "rates").glob("*.json"))) == 6


def test_a_second_table_has_the_seeds_of_the_first(finished, parts):
    folder, first = finished
    single = run(parts, folder, repeats=1)
    for name, row in single["methods"].items():
        assert row["metrics"]["hit@1"]["seeds"] == first["methods"][name]["metrics"]["hit@1"]["seeds"][:1]
        assert row["metrics"]["hit@1"]["std"] is None


def test_a_fusion_that_does_not_fit_is_left_out_with_its_reason(parts, tmp_path):
    wider = RECIPE.encoders[0].model_copy(update={"dim": 20})
    recipe = RECIPE.model_copy(update={"encoders": (wider, RECIPE.encoders[1])})
    result = run(parts, tmp_path, recipe, names=["basic"], repeats=1)
    assert "basic" not in result["methods"]
    assert "in one space" in result["skipped"]["basic"]


def test_an_unknown_fusion_names_the_known(parts, tmp_path):
    with pytest.raises(TwinlensError, match="did you mean 'tirg'"):
        run(parts, tmp_path, names=["trig"])
