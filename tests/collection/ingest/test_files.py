from __future__ import annotations

import os
import shutil
from concurrent.futures import ThreadPoolExecutor

from PIL import Image

from tests.mean_color import MeanColor
from tests.pictures import ALONE, counts, draw, vectors
from twinlens.collection import Collection
from twinlens.collection.ingest import Options, decoding
from twinlens.core.types import Sample


def test_the_first_run_takes_everything_and_the_second_nothing(collection, pictures, model):
    assert counts(collection.add(pictures, options=ALONE)) == {"added": 6}
    assert len(collection) == model.prepared == 6
    assert counts(collection.add(pictures, options=ALONE)) == {"unchanged": 6}
    assert model.prepared == 6


def test_the_vectors_are_those_of_the_model(collection, pictures, model):
    (pictures / "0.txt").write_text("a red dog")
    collection.add(pictures, options=ALONE)
    expected = model.embed([Sample("x", pictures / "0.png", "a red dog")])[0]
    assert vectors(collection)[pictures / "0.png"] == expected.tobytes()


def test_workers_and_this_process_agree(collection, pictures, model, tmp_path):
    collection.add(pictures, options=Options(workers=2, batch_size=2))
    assert model.prepared == 0  # all of it happened elsewhere
    with Collection.create(tmp_path / "other", model, load=MeanColor.load) as other:
        other.add(pictures, options=ALONE)
        assert vectors(other) == vectors(collection)


def test_a_moved_file_keeps_its_vector_and_its_id(collection, pictures, model):
    collection.add(pictures, options=ALONE)
    (hit,) = collection.search(image=pictures / "0.png", k=1, with_self=True)
    (pictures / "0.png").rename(pictures / "sub" / "moved.png")
    prepared = model.prepared
    assert counts(collection.add(pictures, options=ALONE)) == {"moved": 1, "unchanged": 5}
    assert model.prepared == prepared
    assert collection.entry(hit.sample.id).path == pictures / "sub" / "moved.png"


def test_a_renamed_folder_moves_everything(collection, pictures, model):
    collection.add(pictures, options=ALONE)
    before = vectors(collection)
    pictures.rename(pictures.with_name("renamed"))
    assert counts(collection.add(pictures.with_name("renamed"), options=ALONE)) == {"moved": 6}
    assert sorted(vectors(collection).values()) == sorted(before.values())


def test_a_changed_file_is_embedded_again(collection, pictures):
    collection.add(pictures, options=ALONE)
    before = vectors(collection)
    draw(pictures / "0.png", 99)
    os.utime(pictures / "0.png", ns=(1, 1))
    assert counts(collection.add(pictures, options=ALONE)) == {"changed": 1, "unchanged": 5}
    after = vectors(collection)
    assert {path for path in before if before[path] != after[path]} == {pictures / "0.png"}


def test_a_file_with_a_new_time_and_the_same_content_is_not(collection, pictures, model):
    collection.add(pictures, options=ALONE)
    os.utime(pictures / "0.png", ns=(1, 1))
    prepared = model.prepared
    assert counts(collection.add(pictures, options=ALONE)) == {"unchanged": 6}
    assert counts(collection.add(pictures, options=ALONE)) == {"unchanged": 6}
    assert model.prepared == prepared


def test_a_deleted_file_leaves_and_others_stay(collection, pictures):
    collection.add(pictures, options=ALONE)
    (pictures / "0.png").unlink()
    shutil.rmtree(pictures / "sub")
    assert counts(collection.add(pictures, options=ALONE)) == {"unchanged": 2, "removed": 4}
    assert set(vectors(collection)) == {pictures / "2.png", pictures / "4.png"}


def test_only_the_folders_that_are_indexed_lose_files(collection, pictures):
    collection.add(pictures, options=ALONE)
    (pictures / "0.png").unlink()
    (pictures / "sub" / "1.png").unlink()
    assert counts(collection.add(pictures / "sub", options=ALONE)) == {"unchanged": 2, "removed": 1}
    assert len(collection) == 5


def test_copies_share_the_work_and_both_are_found(collection, pictures, model):
    collection.add(pictures, options=ALONE)
    shutil.copy(pictures / "0.png", pictures / "copy.png")
    prepared = model.prepared
    assert counts(collection.add(pictures, options=ALONE)) == {"added": 1, "unchanged": 6}
    assert model.prepared == prepared
    assert {hit.sample.image.name for hit in collection.search(image=pictures / "0.png", k=2, with_self=True)} == {
        "0.png",
        "copy.png",
    }


def test_nested_and_repeated_folders_and_single_files(collection, pictures, tmp_path):
    alone = draw(tmp_path / "alone.png", 7)
    report = collection.add([pictures / "sub", pictures, pictures / "0.png", alone], options=ALONE)
    assert counts(report) == {"added": 7} and report.found == 7


def test_a_new_caption_is_embedded_and_new_metadata_is_only_stored(collection, pictures, model):
    table = pictures / "metadata.csv"
    table.write_text("file_name,text,year\n0.png,a dog,2019\n")
    collection.add(pictures, options=ALONE)
    prepared, before = model.prepared, vectors(collection)
    table.write_text("file_name,text,year\n0.png,a dog,2020\n2.png,,1999\n")
    assert counts(collection.add(pictures, options=ALONE)) == {"unchanged": 6}
    assert (model.prepared, vectors(collection)) == (prepared, before)
    assert len(collection.search(text="dog", where="year = 2020 or year = 1999")) == 2
    table.write_text("file_name,text,year\n0.png,a cat,2020\n")
    assert counts(collection.add(pictures, options=ALONE)) == {"changed": 1, "unchanged": 5}
    table.unlink()
    assert counts(collection.add(pictures, options=ALONE)) == {"changed": 1, "unchanged": 5}
    assert collection.search(text="dog", where='caption != ""') == []


def test_a_caption_within_the_file_is_used_unless_another_is_given(collection, pictures):
    data = Image.Exif()
    data[0x010E], data[0x0112] = "a boat", 6
    Image.new("RGB", (8, 6)).save(pictures / "told.jpg", exif=data)
    collection.add(pictures, options=ALONE)
    (hit,) = collection.search(text="boat", k=1)
    entry = collection.entry(hit.sample.id)
    assert (entry.caption, entry.width, entry.height) == ("a boat", 6, 8)
    (pictures / "told.txt").write_text("a ship")
    collection.add(pictures, options=ALONE)
    assert collection.search(text="ship", k=1)[0].sample.text == "a ship"


def test_what_is_embedded_is_found_after_the_first_batch(tmp_path, pictures):
    seen = []

    class Watched(MeanColor):
        def forward(self, batch):
            with Collection.open(tmp_path / "w", load=MeanColor.load) as reader:
                seen.append(len(reader.search(text="dog", k=100)))
            return super().forward(batch)

    with Collection.create(tmp_path / "w", Watched(), load=MeanColor.load) as collection:
        collection.add(pictures, options=Options(workers=0, batch_size=2))
        assert seen[0] == 0
        assert seen[2] == 2  # the second batch was embedded while the first was committed


def test_what_waits_is_bounded_by_its_bytes(monkeypatch):
    monkeypatch.setattr(decoding, "WAITING_BYTES", 10)
    taken, most = [], []

    def items():
        for n in range(40):
            taken.append(n)
            yield n

    with ThreadPoolExecutor(2) as threads:
        for item, result in decoding.ahead(threads, str, items(), depth=30, weigh=lambda result: len(result), start=3):
            assert result == str(item)
            most.append(len(taken) - item)
    # One-digit results leave room for ten, two-digit ones for five; what was taken before that was known is kept.
    assert most[0] == 3 and max(most) == 10 and most[25] == 5
