"""What is left out is not indexed, is counted, and leaves a collection that has it."""

from __future__ import annotations

from tests.pictures import ALONE, counts, draw
from twinlens.collection import Collection


def names(collection: Collection) -> set[str]:
    return {entry.path.name for entry in collection.entries_with_vectors()[0]}


def test_what_is_excluded_leaves_and_comes_back(collection, pictures):
    collection.add(pictures, options=ALONE)
    report = collection.add(pictures, exclude=["sub/"], options=ALONE)
    assert counts(report) == {"removed": 3, "unchanged": 3} and report.left_out == {"excluded": 3}
    assert names(collection) == {"0.png", "2.png", "4.png"}
    (pictures / "sub" / ".twinlensignore").write_text("3.png\n")
    assert counts(collection.add(pictures, options=ALONE)) == {"added": 2, "unchanged": 3}
    assert names(collection) == {"0.png", "1.png", "2.png", "4.png", "5.png"}


def test_thumbnails_of_a_drive_are_no_pictures(collection, pictures):
    draw(pictures / "@eaDir" / "0.png" / "SYNOPHOTO_THUMB_M.png", 9)
    report = collection.add(pictures, options=ALONE)
    assert report.found == 6 and report.left_out == {"in folders of thumbnails": 1}


def test_a_collection_among_the_pictures_is_left_out(collection, pictures, model):
    with Collection.create(pictures / "inner", model, load=type(model).load):
        draw(pictures / "inner" / "x.png", 9)
    report = collection.add(pictures, options=ALONE)
    assert report.found == 6 and report.left_out == {"in collections of twinlens": 1}
