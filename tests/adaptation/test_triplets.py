from __future__ import annotations

import pytest

from tests.adaptation.conftest import table
from twinlens.adaptation.embedded_gallery import EmbeddedGallery
from twinlens.adaptation.triplets import read
from twinlens.core.types import TwinlensError


def test_rows_with_one_question_are_one_triplet(own, edited):
    known, (a, text, b), (_, _, c) = EmbeddedGallery.of(own), *edited.edits[:2]
    ids = {entry.path.name: str(entry.row) for entry in known.entries}
    file = table(edited.folder / "two.csv", [(a, text, b), (str(edited.folder / a), f" {text} ", ids[c])])
    (triplet,) = read(file, known)
    assert triplet.reference == ids[a] and triplet.text == text and triplet.targets == {ids[b], ids[c]}


def test_mistakes_name_their_row(own, edited, tmp_path):
    known, (a, text, b) = EmbeddedGallery.of(own), edited.edits[0]
    for rows, columns, reason in (
        ([(a, text, "gone.png")], None, "row 1: the collection has no picture 'gone.png'"),
        ([(a, text, b), (a, "", b)], None, "row 2: a triplet needs a reference, a text and a target"),
        ([(a, text, a)], None, "the target is the reference itself"),
        ([(a, text, b)], ("reference", "words", "target"), "no column text.*it has: reference, words, target"),
        ([], None, "has no triplets"),
    ):
        file = table(edited.folder / "wrong.csv", rows, columns or ("reference", "text", "target"))
        with pytest.raises(TwinlensError, match=reason):
            read(file, known)
    with pytest.raises(TwinlensError, match="cannot read"):
        read(tmp_path / "none.csv", known)
