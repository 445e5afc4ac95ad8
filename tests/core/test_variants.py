"""The listing of a folder is the menu, and a wrong name or option is told with the known ones."""

from __future__ import annotations

import pytest

from twinlens.core import variants
from twinlens.core.types import TwinlensError

FOLDERS = ("encoders", "fusions", "indexes", "datasets", "commands")
CLASSES = [(folder, name) for folder in ("encoders", "fusions", "indexes") for name in variants.names(folder)]


@pytest.mark.parametrize("folder", FOLDERS)
def test_names_are_sorted_and_helpers_are_none_of_them(folder):
    names = variants.names(folder)
    assert names and names == sorted(names)
    assert not [name for name in names if name.startswith("_")]


@pytest.mark.parametrize(("folder", "name"), CLASSES)
def test_every_variant_is_one_class_whose_options_have_names(folder, name):
    with pytest.raises(TwinlensError, match=f"{variants.kind(folder)} '{name}' has no option 'nonsense'.*known: "):
        variants.make(folder, name, nonsense=1)


def test_an_unknown_name_is_told_with_the_closest():
    with pytest.raises(TwinlensError, match="gate"):
        variants.load("fusions", "gat")


def test_the_kind_of_an_unknown_variant_has_its_own_word():
    for folder, word in (("fusions", "fusion"), ("indexes", "index"), ("collection.search.rerank", "reranker")):
        with pytest.raises(TwinlensError, match=f"unknown {word} 'nonsense'"):
            variants.load(folder, "nonsense")


def test_a_missing_option_is_named():
    with pytest.raises(TwinlensError, match="fusion 'gate' needs the option 'image_dim'"):
        variants.make("fusions", "gate")


def test_a_function_of_a_file_is_called_with_checked_options():
    with pytest.raises(TwinlensError, match="has no option 'nonsense'"):
        variants.call("datasets", "shapes", "load", None, "test", nonsense=1)
