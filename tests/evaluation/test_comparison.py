"""Comparison: one budget for all, finished runs read instead of run again, and figures that can be checked by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.training.test_feature_cache import TOWERS
from twinlens.core.recipe import Recipe, Variant, find_recipe
from twinlens.core.types import TwinlensError
from twinlens.evaluation.comparison import methods, summary
from twinlens.evaluation.comparison.bench import Bench
from twinlens.evaluation.comparison.compare import compare
from twinlens.evaluation.comparison.outcome import Outcome
from twinlens.splits import hold_out

RECIPE = Recipe.parse(TOWERS, source="test")


@pytest.fixture(scope="module")
def parts(request):
    return hold_out(request.getfixturevalue("toy_edits"), 0.3, 0)


def run(parts, folder, **changed):
    options = {"names": ["concat", "product"], "repeats": 2, "folder": folder / "runs", "cache": folder / "features"}
    return compare(RECIPE, *parts, **{**options, **changed})


@pytest.fixture(scope="module")
def finished(parts, tmp_path_factory):
    folder = tmp_path_factory.mktemp("comparison")
    return folder, run(parts, folder)


def test_every_table_carries_the_baselines(finished):
    _, result = finished
    assert set(result["methods"]) == {"concat", "product", *methods.BASELINES}
    kinds = {name: row["kind"] for name, row in result["methods"].items()}
    assert kinds["concat"] == "trained" and kinds["product"] == "training-free"
    assert {kinds[name] for name in methods.BASELINES} == {"baseline"}


def test_the_table_is_ordered_and_says_what_is_best(finished):
    _, result = finished
    means = {name: row["metrics"]["hit@1"]["mean"] for name, row in result["methods"].items()}
    assert list(means.values()) == sorted(means.values(), reverse=True)
    assert means[result["best"]] == max(means.values())
    assert means[result["best_baseline"]] == max(means[name] for name in methods.BASELINES)


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
    assert sorted(path.stem for path in (tmp_path / "runs").glob("*.safetensors")) == sorted(done)
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
    before = {path.stem for path in (folder / "runs").glob("sum-*")}
    train, test = parts
    recipe, seed = RECIPE, 0
    if change == "seed":
        seed = 7
    elif change == "recipe":
        recipe = RECIPE.model_copy(update={"training": RECIPE.training.model_copy(update={"learning_rate": 0.1})})
    elif change == "answers":
        test = replace(test, ignore={test.queries[0].id: frozenset([test.gallery[-1].id])})
    else:
        train = replace(train, gallery=(replace(train.gallery[0], image=train.gallery[1].image), *train.gallery[1:]))
    compare(recipe, train, test, names=[], repeats=1, seed=seed, folder=folder / "runs", cache=folder / "features")
    assert len({path.stem for path in (folder / "runs").glob("sum-*")} - before) == 1


def test_a_fusion_that_does_not_fit_is_left_out_with_its_reason(parts, tmp_path):
    wider = RECIPE.encoders[0].model_copy(update={"dim": 20})
    recipe = RECIPE.model_copy(update={"encoders": (wider, RECIPE.encoders[1])})
    result = compare(recipe, *parts, names=["basic"], repeats=1, folder=tmp_path / "runs", cache=tmp_path / "features")
    assert "basic" not in result["methods"]
    assert "in one space" in result["skipped"]["basic"]


def test_an_unknown_fusion_names_the_known(parts, tmp_path):
    with pytest.raises(TwinlensError, match="did you mean 'tirg'"):
        run(parts, tmp_path, names=["trig"])


def test_options_reach_the_fusions_that_know_them():
    recipe = RECIPE.model_copy(update={"fusion": Variant(name="gate", cells=[1, 3], reading="inside")})
    assert methods.fusion_part(recipe, "gate").options == {"cells": [1, 3], "reading": "inside"}
    assert methods.fusion_part(recipe, "tirg").options == {}


def test_a_cellwise_recipe_applies_every_method_cell_by_cell():
    fusion = Variant(name="cellwise", method="tirg", cells=[1, 3], options={"concat": {"dropout": 0.2}})
    recipe = RECIPE.model_copy(update={"fusion": fusion})
    wanted = {"method": "concat", "cells": [1, 3], "options": {"concat": {"dropout": 0.2}}}
    assert methods.fusion_part(recipe, "concat") == Variant(name="cellwise", **wanted)
    assert methods.fusion_part(recipe, "product") == Variant(name="product")
    assert not {"cellwise", "learned"} & set(methods.fusions())


def outcome(values: list[float], *, trained: bool = True) -> Outcome:
    found = {"hit@1": np.array(values)}
    facts = {
        "trained": trained,
        "parameters": 5,
        "query_ms": 1.0,
        "seconds": 2.0,
        "processor_seconds": 3.0,
        "epochs": 3,
    }
    low = {"hit@1": np.zeros(len(values))}
    return Outcome(
        {
            "composed": found,
            "shuffled_text": low,
            "image_only": low,
            "text_only": low,
            "late_sum": low,
            "late_product": low,
        },
        facts,
    )


def test_means_spreads_and_tests_by_hand():
    runs = {
        "good": [outcome([1, 1, 1, 0] * 10), outcome([1, 1, 1, 1] * 10)],
        "sum": [outcome([0, 0, 1, 0] * 10), outcome([0, 0, 1, 0] * 10)],
        "untrained_gate": [outcome([0] * 40), outcome([0] * 40)],
    }
    groups = [str(number) for number in range(40)]
    result = summary.summarise_runs(runs, groups, "hit@1")
    good = result["methods"]["good"]
    assert (result["best"], result["best_baseline"]) == ("good", "sum")
    assert good["metrics"]["hit@1"]["mean"] == pytest.approx(0.875)
    assert good["metrics"]["hit@1"]["std"] == pytest.approx(np.std([0.75, 1.0], ddof=1))
    assert good["over_baseline"]["mean"] == pytest.approx(0.625)
    assert good["over_baseline"]["p_value"] < 0.01
    assert result["methods"]["sum"]["over_baseline"] is None
    assert result["methods"]["sum"]["composition_gap"]["mean"] == pytest.approx(0.25)


def test_an_outcome_reads_as_it_was_saved(tmp_path):
    saved = outcome([0.5, float("nan")])
    saved.save(tmp_path / "new" / "run.safetensors")
    read = Outcome.read(tmp_path / "new" / "run.safetensors")
    assert read.facts == saved.facts
    np.testing.assert_array_equal(read.values["composed"]["hit@1"], saved.values["composed"]["hit@1"])
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["run.safetensors"]


def test_a_column_of_a_matrix_is_saved_as_it_reads(tmp_path):
    column = np.arange(6.0).reshape(3, 2)[:, 1]
    Outcome({"composed": {"hit@1": column}}, {}).save(tmp_path / "run")
    np.testing.assert_array_equal(Outcome.read(tmp_path / "run").values["composed"]["hit@1"], column)


def test_a_damaged_outcome_is_named_with_the_way_out(tmp_path):
    path = tmp_path / "run.safetensors"
    path.write_bytes(b"nothing")
    with pytest.raises(TwinlensError, match="is damaged; delete it"):
        Outcome.read(path)


def test_holm_corrects_p_in_place_and_keeps_their_order():
    differences = [{"p_value": p} for p in (0.03, 0.001, 0.04, 0.9)]
    summary._correct(differences)
    assert [d["p_value"] for d in differences] == pytest.approx([0.09, 0.004, 0.09, 0.9])
    assert [d["p_single"] for d in differences] == [0.03, 0.001, 0.04, 0.9]


def test_a_variation_is_a_row_of_its_own():
    recipe = find_recipe("towers-unmarked")
    part = methods.fusion_part(recipe, "gate+residual")
    assert part.options["method"] == "gate" and part.options["options"] == {"gate": {"residual": True}}
    assert "gate+residual" in methods.fusions()
