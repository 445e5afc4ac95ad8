"""Values of a recipe that are set on the command line."""

from __future__ import annotations

import pytest

from tests import toy
from twinlens.core.overrides import with_overrides
from twinlens.core.recipe import find_recipe
from twinlens.core.types import TwinlensError


def test_values_are_written_as_in_toml():
    given = ["training.learning_rate=.001", "training.frozen=['visualbert']", "training.epochs = 7", "name=mine"]
    changed = with_overrides(toy.recipe(), given)
    assert (changed.training.learning_rate, changed.training.frozen) == (0.001, ("visualbert",))
    assert (changed.training.epochs, changed.name) == (7, "mine")
    assert changed.fusion == toy.recipe().fusion and changed.encoders == toy.recipe().encoders


def test_a_part_is_named_by_its_number():
    changed = with_overrides(toy.recipe(), ["encoders.0.visual.patch=5", "encoders.0.layers=2"])
    assert changed.encoders[0].options["visual"]["patch"] == 5 and changed.encoders[0].options["layers"] == 2


def test_another_variant_has_options_of_its_own():
    changed = with_overrides(toy.recipe(), ["fusion.dropout=0.25", "fusion.name=combiner"])
    assert (changed.fusion.name, changed.fusion.options) == ("combiner", {"dropout": 0.25})
    assert with_overrides(toy.recipe(), ["fusion.name=gate"]) == toy.recipe()


def test_nothing_set_is_the_same_recipe():
    recipe = find_recipe("compact")
    assert with_overrides(recipe, []) is recipe


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("training.lerning_rate=1", r"unknown key 'training.lerning_rate' \(did you mean 'learning_rate'\?\); known: "),
        ("trainign.epochs=1", r"unknown key 'trainign' \(did you mean 'training'\?\)"),
        ("training.epochs=many", "key 'training.epochs'"),
        ("training.epochs=0", "key 'training.epochs'"),
        ("training.epochs.x=1", "training.epochs is no table"),
        ("encoders.3.layers=1", "encoders has no '3'"),
        ("encoders.layers=1", "encoders is no table"),
        ("fusion.cels=[1, 1]", r"fusion 'gate' has no option 'cels' \(did you mean 'cells'\?\)"),
        ("encoders.0.layer=1", r"encoder 'visualbert' has no option 'layer' \(did you mean 'layers'\?\)"),
        ("fusion.name=gat", r"unknown fusion 'gat' \(did you mean 'gate'\?\)"),
        ("training.epochs", "--set wants KEY=VALUE"),
        ("training..epochs=1", "--set wants KEY=VALUE"),
    ],
)
def test_a_mistake_is_told_in_a_line(given, message):
    with pytest.raises(TwinlensError, match=message) as told:
        with_overrides(toy.recipe(), [given])
    assert "\n" not in str(told.value)
