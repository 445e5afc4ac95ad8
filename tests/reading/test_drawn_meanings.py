"""Drawn meanings have words, which are read as them."""

from __future__ import annotations

import numpy as np
import pytest

from twinlens.reading.drawing import FAMILIES, Drawer, random_meaning
from twinlens.reading.grammar.parse import parse
from twinlens.reading.grammar.say import say


@pytest.mark.parametrize("family", sorted(set(FAMILIES) - {"two_statements"}))
def test_families_have_words_that_are_read_as_them(family):
    drawer = Drawer(np.random.default_rng(1))
    for _ in range(40):
        meaning = FAMILIES[family](drawer)
        assert parse(say(meaning)) == meaning


def test_equal_seeds_draw_equal_meanings():
    one, other = ([random_meaning(np.random.default_rng(seed)) for seed in range(20)] for _ in range(2))
    assert one == other and len(set(one)) > 15
