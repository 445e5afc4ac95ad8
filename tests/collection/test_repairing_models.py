"""Repair where it is lost which model made the vectors."""

from __future__ import annotations

import shutil

import pytest

from tests.mean_color import MeanColor
from tests.repairs import answers, mend, page_of, verify
from twinlens.core.types import TwinlensError


@pytest.fixture
def folder(collection):
    """A closed collection."""
    folder = collection.folder
    collection.close()
    return folder


def test_a_model_is_not_taken_for_the_one_that_made_the_vectors(folder, pictures):
    """The row that says which model made the vectors is lost, and only another model is there."""
    page_of("generation")(folder)
    shutil.rmtree(folder / "model")
    MeanColor(turn=4).save(folder / "model" / MeanColor(turn=4).digest)
    mend(folder)
    assert any("is missing" in line for line in verify(folder))
    with pytest.raises(TwinlensError, match="did not make this collection's vectors"):
        mend(folder, composer=MeanColor(turn=4))
    assert any("put the model" in line for line in mend(folder, composer=MeanColor()).done)
    assert verify(folder) == [] and len(answers(folder)) == 12


def test_a_lost_model_is_found_among_several(folder, pictures):
    page_of("generation")(folder)
    for turn in (2, 4):
        MeanColor(turn=turn).save(folder / "model" / MeanColor(turn=turn).digest)
    done = mend(folder).done
    assert any(f"found the model that made the vectors: {MeanColor().digest}" in line for line in done)
    assert verify(folder) == []


def test_entries_without_models_and_vectors_are_embedded_again_by_the_only_model(folder):
    for name in ("generation", "vector", "sqlite_sequence"):
        page_of(name)(folder)
    assert any("embedded 12 pictures again" in line for line in mend(folder).done)
    assert verify(folder) == [] and len(answers(folder)) == 12
