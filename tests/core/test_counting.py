from __future__ import annotations

import pytest

from twinlens.core.counting import counted


@pytest.mark.parametrize(
    ("count", "words", "text"),
    [
        (0, ["picture"], "0 pictures"),
        (1, ["picture"], "1 picture"),
        (2000, ["picture"], "2,000 pictures"),
        (1, ["entry is", "entries are"], "1 entry is"),
        (3, ["entry is", "entries are"], "3 entries are"),
    ],
)
def test_one_is_singular_and_all_else_plural(count, words, text):
    assert counted(count, *words) == text
