"""The rows of a comparison: fusions with switches, and the options of the recipe that reach them."""

from __future__ import annotations

import pytest

from tests.training.test_feature_cache import TOWERS
from twinlens.core.recipe import Recipe, Variant, find_recipe
from twinlens.core.types import TwinlensError
from twinlens.evaluation.comparison import methods
from twinlens.models.composer import Composer

RECIPE = Recipe.parse(TOWERS, source="test")
OPTIONS = {"concat": {"dropout": 0.2}}
CELLWISE = Variant(name="cellwise", method="tirg", cells=[1, 3], text_norm="batch", options=OPTIONS)


def with_fusion(fusion: Variant) -> Recipe:
    return RECIPE.model_copy(update={"fusion": fusion})


def test_options_reach_the_fusions_that_know_them():
    recipe = with_fusion(Variant(name="gate", cells=[1, 3], reading="inside"))
    assert methods.fusion_part(recipe, "gate").options == {"cells": [1, 3], "reading": "inside"}
    assert methods.fusion_part(recipe, "tirg").options == {}


def test_a_cellwise_recipe_applies_every_method_cell_by_cell():
    recipe = with_fusion(CELLWISE)
    wanted = {"method": "concat", "cells": [1, 3], "text_norm": "batch", "options": {"concat": {"dropout": 0.2}}}
    assert methods.fusion_part(recipe, "concat") == Variant(name="cellwise", **wanted)
    assert methods.fusion_part(recipe, "product") == Variant(name="product")
    assert not {"cellwise", "mapwise", "learned"} & set(methods.fusions())


def test_switches_turn_options_on_and_give_the_whole_map():
    recipe = with_fusion(CELLWISE)
    part = methods.fusion_part(recipe, "gate+residual+map")
    shared = {"cells": [1, 3], "text_norm": "batch"}
    assert part == Variant(name="mapwise", method="gate", **shared, options={"gate": {"residual": True}})
    assert methods.fusion_part(RECIPE, "gate+residual").options == {"cells": [1, 1], "residual": True}


def test_all_rows_of_a_cellwise_recipe_hold_every_fusion_of_maps_twice():
    rows = methods.rows(with_fusion(CELLWISE))
    maps = {row for row in rows if row.endswith("+map")}
    assert maps == {f"{name}+map" for name in ("gate", "gate+residual", "val", "cosmo", "tirg_conv", "film")}
    assert set(methods.rows(RECIPE)) == set(rows) - maps


@pytest.mark.parametrize("name", ["towers", "towers-unmarked"])
def test_the_towers_build_every_row(name):
    composer = Composer.build(find_recipe(name))
    for method in methods.select(find_recipe(name), methods.rows(find_recipe(name))):
        if method.name != "product" or name == "towers":
            assert composer.with_fusion(method.fusion).dim > 0


@pytest.mark.parametrize(
    ("row", "line"),
    [
        ("trig", "did you mean 'tirg'"),
        ("gate+blocks", "no option 'blocks'"),
        ("rtic+blocks", "no option 'blocks'"),
        ("val+map", "leave \\+map out"),
    ],
)
def test_a_row_that_cannot_be_is_refused(row, line):
    with pytest.raises(TwinlensError, match=line):
        methods.fusion_part(RECIPE, row)


def test_deviations_are_the_options_that_differ_from_the_paper():
    recipe = find_recipe("towers-unmarked")
    differences = {row: methods.deviations(methods.fusion_part(recipe, row)) for row in methods.rows(recipe)}
    assert differences["combiner"] == {"dropout": {"published": 0.5, "here": 0.0}}
    assert differences["gate"] == differences["tirg"] == differences["basic"] == {}
    assert differences["gate+residual"] == {"residual": {"published": False, "here": True}}
    assert differences["val"] == {
        "levels": {"published": 3, "here": 1},
        "dropout": {"published": 0.1, "here": 0.0},
    }
    assert differences["val+map"] == differences["val"]


def test_an_auxiliary_loss_that_cells_leave_out_is_a_deviation():
    """ComposeAE reconstructs and rotates back; RTIC has a graph with `gcn` alone."""
    dropped = {"published": "yes", "here": "no"}
    for recipe in map(find_recipe, ("towers", "towers-unmarked")):
        rows = {row: methods.deviations(methods.fusion_part(recipe, row)) for row in methods.rows(recipe)}
        assert {row for row, found in rows.items() if methods.AUXILIARY_LOSS in found} == {"composeae"}
        assert rows["composeae"] == {"dropout": {"published": 0.5, "here": 0.0}, "auxiliary loss": dropped}
    graph = Variant(name="cellwise", method="rtic", options={"rtic": {"gcn": True}})
    assert methods.deviations(graph)["auxiliary loss"] == dropped
    assert methods.deviations(Variant(name="composeae")) == {}
