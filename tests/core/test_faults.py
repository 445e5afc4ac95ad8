"""Values from outside that do not fit are told in our own words, not in those of pydantic."""

from __future__ import annotations

import pytest

from twinlens.core.overrides import with_overrides
from twinlens.core.recipe import Recipe, find_recipe
from twinlens.core.types import TwinlensError


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ("training=1", "key 'training' wants a table of keys and values, not 1"),
        ("fusion=tirg", "key 'fusion' wants a table of keys and values, not 'tirg'"),
        ("training.epochs=many", "key 'training.epochs' wants a whole number, not 'many'"),
        ("training.epochs=1.5", "key 'training.epochs' wants a whole number, not 1.5"),
        ("training.epochs=0", "key 'training.epochs' wants a number from 1 on, not 0"),
        ("training.learning_rate=-1", "key 'training.learning_rate' wants a number above 0, not -1"),
        ("training.validation=1", "key 'training.validation' wants a number below 1, not 1"),
        ("training.warmup=2", "key 'training.warmup' wants a number up to 1, not 2"),
        ("training.precision=half", "key 'training.precision' wants one of 'float32' or 'bfloat16', not 'half'"),
        ("training.frozen=1", "key 'training.frozen' wants a list, not 1"),
        ("name=3", "key 'name' wants text, not 3"),
        ("encoders=[]", "key 'encoders' wants a list of 1 or more, not 0"),
    ],
)
def test_a_value_of_a_recipe_that_does_not_fit(given, line):
    with pytest.raises(TwinlensError) as told:
        with_overrides(find_recipe("compact"), [given])
    assert str(told.value) == f"--set {given}: {line}"


def test_a_key_that_is_missing():
    with pytest.raises(TwinlensError, match=r"^mine: key 'fusion' is missing$"):
        Recipe.parse('name = "a"\n[[encoders]]\nname = "sift"\n', source="mine")
