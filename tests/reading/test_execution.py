"""Execution on tables, against the meanings' own execution on one scene."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.reading.meaning_strategies import meanings
from twinlens.reading.execution import FEATURES, PLACES, Execution
from twinlens.reading.meanings import Kind, conditions, statements
from twinlens.reading.meanings.base import Meaning
from twinlens.reading.table import Table
from twinlens.shapes.scenes import random_scene

RNG = np.random.default_rng(3)
SCENES = [random_scene(RNG, items=(1, 7), tower_share=0.5).boxes for _ in range(40)]
SCENES[0] = ((), *SCENES[0][1:])
EXECUTION = Execution(Table.of(SCENES))


@given(meanings)
@settings(max_examples=200, deadline=None)
def test_execution_on_a_table_is_that_on_every_scene(meaning):
    assert EXECUTION.truth(meaning).tolist() == [meaning.true_of(scene) for scene in SCENES]


@given(st.lists(meanings, max_size=4))
@settings(max_examples=20, deadline=None)
def test_columns_are_the_meanings(some):
    columns = EXECUTION.truths(some)
    assert columns.shape == (len(SCENES), len(some))
    for column, meaning in zip(columns.T, some, strict=True):
        assert column.tolist() == EXECUTION.truth(meaning).tolist()


def test_places_and_features_are_all_known():
    assert set(PLACES) == set(conditions.PLACES) and set(FEATURES) == set(statements.FEATURES)


def test_tables_come_back_from_their_arrays():
    table = Table.of(SCENES)
    again = Table.from_arrays(table.arrays)
    assert np.array_equal(again.arrays, table.arrays)


def test_unknown_meanings_are_refused():
    class Other(Meaning):
        def true_of(self, scene):
            return True

    with pytest.raises(TypeError, match="no execution of Other"):
        EXECUTION.truth(Other())
    assert EXECUTION.items(Kind()).sum() == sum(len(box) for scene in SCENES for box in scene)
