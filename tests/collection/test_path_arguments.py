"""Folders, pictures and tables that are passed from Python as anything but paths."""

from __future__ import annotations

import numpy as np
import pytest

from tests.core.test_arguments import WRONG
from tests.mean_color import MeanColor
from twinlens.collection import Collection
from twinlens.core.types import TwinlensError

DOORS = {
    "open": Collection.open,
    "exists": Collection.exists,
    "mend": Collection.mend,
    "create": lambda folder: Collection.create(folder, MeanColor()),
}
FORGET = r"^(forget wants paths, and ids as text, not|the collection .* has no picture at)"


@pytest.mark.parametrize(("given", "line"), WRONG)
@pytest.mark.parametrize("door", DOORS)
def test_a_folder_that_is_none_is_one_line(door, given, line):
    with pytest.raises(TwinlensError, match=line) as told:
        DOORS[door](given)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("given", [*(value for value, _ in WRONG), [None], [b"x"], np.zeros(2)])
def test_pictures_and_tables_are_given_by_paths(collection, pictures, given):
    for use in (lambda: collection.add(given), lambda: collection.add(pictures, captions=given)):
        with pytest.raises(TwinlensError, match=r"^(add|captions) wants a path") as told:
            use()
        assert "\n" not in str(told.value)
    with pytest.raises(TwinlensError, match=FORGET):
        collection.forget(given)
    assert len(collection) == 12


def test_one_table_may_be_given_without_a_list(collection, pictures, tmp_path):
    (tmp_path / "t.csv").write_text("file_name,text\nred-0.png,a sunset\n")
    collection.add(pictures, captions=str(tmp_path / "t.csv"))
    assert collection._store.at(pictures / "red-0.png").caption == "a sunset"


@pytest.mark.parametrize("door", DOORS)
def test_a_folder_whose_name_is_not_utf8_is_one_line(door, tmp_path):
    with pytest.raises(TwinlensError, match=r"which is not UTF-8; rename the folder$"):
        DOORS[door](tmp_path / "col\udce9")
    assert list(tmp_path.iterdir()) == []
