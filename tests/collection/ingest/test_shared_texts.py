"""A text that many files share word for word is no caption, unless it is the user's own."""

from __future__ import annotations

import numpy as np
from PIL import Image

from tests.pictures import ALONE
from twinlens.collection.ingest.shared_texts import MANY

TEXT = "Taken by Ann's new telephone"


def described(folder, numbers, text=TEXT):
    folder.mkdir(parents=True, exist_ok=True)
    for n in numbers:
        data = Image.Exif()
        data[0x010E] = text
        pixels = np.random.default_rng(n).integers(0, 255, (6, 8, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{n}.jpg", exif=data)
    return folder


def captions(collection) -> dict[str, str]:
    return {entry.path.stem: entry.caption for entry in collection.entries_with_vectors()[0]}


def test_a_text_that_many_files_share_is_no_caption(collection, tmp_path):
    folder = described(tmp_path.resolve() / "p", range(MANY))
    described(folder, [1000], "a dog")
    report = collection.add(folder, options=ALONE)
    assert captions(collection) == {**{str(n): "" for n in range(MANY)}, "1000": "a dog"}
    (line,) = report.problems
    assert line.startswith(f"{MANY} pictures carry the same text in their files") and repr(TEXT) in line
    # Their vectors are those of pictures without a text, and stay so.
    bare = described(tmp_path.resolve() / "bare", [0], "")
    assert collection.search(bare / "0.jpg", k=1)[0].score > 0.999
    assert collection.add(folder, options=ALONE).problems == []
    assert set(captions(collection).values()) == {"", "a dog"}


def test_one_more_of_them_is_none_either(collection, tmp_path):
    folder = described(tmp_path.resolve() / "p", range(MANY))
    collection.add(folder, options=ALONE)
    described(folder, [77])
    report = collection.add(folder, options=ALONE)
    assert report.added == 1 and captions(collection)["77"] == "" and report.problems[0].startswith("1 pictures")
    collection.change_model(type(collection.model)(turn=1), options=ALONE)
    assert set(captions(collection).values()) == {""}
    bare = described(tmp_path.resolve() / "bare", [0], "")
    assert collection.search(bare / "0.jpg", k=1)[0].score > 0.999


def test_a_few_may_share_a_text(collection, tmp_path):
    folder = described(tmp_path.resolve() / "p", range(MANY - 1))
    assert collection.add(folder, options=ALONE).problems == []
    assert set(captions(collection).values()) == {TEXT}


def test_a_users_table_may_say_the_same_of_all(collection, tmp_path):
    folder = described(tmp_path.resolve() / "p", range(MANY))
    (folder / "metadata.csv").write_text("file_name,text\n" + "".join(f"{n}.jpg,{TEXT}\n" for n in range(MANY)))
    assert collection.add(folder, options=ALONE).problems == []
    assert set(captions(collection).values()) == {TEXT}
