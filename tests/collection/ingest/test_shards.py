"""WebDataset: tar files whose members share their name up to the first dot when they belong together."""

from __future__ import annotations

import gzip
import json
import os

import pytest

from tests.mean_color import MeanColor
from tests.pictures import ALONE, counts, png, shard, vectors
from twinlens.collection import Collection
from twinlens.collection.ingest import Options
from twinlens.core.types import Sample


def samples(first: int, count: int) -> dict[str, bytes | str]:
    files: dict[str, bytes | str] = {}
    for n in range(first, first + count):
        files[f"{n:06}.png"] = png(n)
        files[f"{n:06}.txt"] = f"picture number{n}"
        files[f"{n:06}.json"] = json.dumps({"caption": f"picture number{n}", "n": n, "status": "success"})
    return files


@pytest.fixture
def shards(tmp_path):
    folder = tmp_path.resolve() / "shards"
    shard(folder / "00000.tar", samples(0, 3))
    shard(folder / "00001.tar", samples(3, 3))
    return folder


@pytest.mark.parametrize("options", [ALONE, Options(workers=2)])
def test_a_folder_of_shards_is_indexed_with_its_captions(collection, shards, model, options):
    assert counts(collection.add(shards, options=options)) == {"added": 6}
    path = shards / "00001.tar" / "000004.png"
    assert vectors(collection)[path] == model.embed([Sample("x", path, "picture number4")])[0].tobytes()
    (hit,) = collection.search(image=path, k=1, where="n = 4", with_self=True)
    entry = collection.entry(hit.sample.id)
    assert (entry.path, entry.caption, entry.width, entry.height) == (path, "picture number4", 8, 6)
    assert entry.metadata == {"n": 4, "status": "success"}
    assert counts(collection.add(shards, options=options)) == {"unchanged": 6}
    assert collection.verify() == []


def test_a_single_shard_is_a_folder_too(collection, shards):
    assert counts(collection.add([shards / "00000.tar"], options=ALONE)) == {"added": 3}
    assert counts(collection.add([shards, shards / "00000.tar"], options=ALONE)) == {"added": 3, "unchanged": 3}


def test_views_of_one_sample_share_its_caption(collection, tmp_path):
    tar = shard(tmp_path.resolve() / "s.tar", {"a.left.png": png(0), "a.right.png": png(1), "a.txt": "a room"})
    collection.add(tar, options=ALONE)
    assert {hit.sample.text for hit in collection.search(text="room")} == {"a room"}
    assert len(collection) == 2


def test_a_table_within_a_shard_is_read(collection, tmp_path):
    table = "file_name,text,year\na.png,a dog,2020\n"
    collection.add(shard(tmp_path.resolve() / "s.tar", {"metadata.csv": table, "a.png": png(0)}), options=ALONE)
    assert [hit.sample.text for hit in collection.search(text="dog", where="year = 2020")] == ["a dog"]


def test_a_shard_that_is_written_anew_embeds_only_what_is_new(collection, shards, model):
    collection.add(shards, options=ALONE)
    prepared = model.prepared
    shard(shards / "00001.tar", samples(4, 4))
    os.utime(shards / "00001.tar", ns=(7, 7))
    assert counts(collection.add(shards, options=ALONE)) == {"added": 2, "unchanged": 5, "removed": 1}
    assert model.prepared == prepared + 2
    (shards / "00000.tar").rename(shards / "00009.tar")
    assert counts(collection.add(shards, options=ALONE)) == {"moved": 3, "unchanged": 4}
    (shards / "00009.tar").unlink()
    assert counts(collection.add(shards, options=ALONE)) == {"unchanged": 4, "removed": 3}


def test_pictures_move_between_files_and_shards(collection, shards, model, tmp_path):
    collection.add(shards, options=ALONE)
    prepared = model.prepared
    for n in range(3):
        (shards / f"{n:06}.png").write_bytes(png(n))
        (shards / f"{n:06}.txt").write_text(f"picture number{n}")
    (shards / "00000.tar").unlink()
    assert counts(collection.add(shards, options=ALONE)) == {"moved": 3, "unchanged": 3}
    assert model.prepared == prepared


@pytest.mark.parametrize("name", ["00001.tar.gz", "00001.TGZ"])
def test_a_compressed_shard_is_listed_with_what_to_do(collection, shards, name):
    (shards / name).write_bytes(gzip.compress((shards / "00001.tar").read_bytes()))
    (shards / "00001.tar").unlink()
    for paths in (shards, [shards / "00000.tar", shards / name]):
        report = collection.add(paths, options=Options(workers=0, retry=True))
        ((reason, (path,)),) = report.failures.items()
        assert path == shards / name and "gunzip" in reason
    assert len(collection) == 3
    (shards / "00001.tar").write_bytes(gzip.decompress((shards / name).read_bytes()))
    (shards / name).unlink()
    assert counts(collection.add(shards, options=ALONE)) == {"added": 3, "unchanged": 3, "removed": 1}


def test_a_damaged_shard_is_listed_and_loses_no_row(tmp_path, shards):
    with Collection.create(tmp_path / "c", MeanColor(), load=MeanColor.load) as collection:
        collection.add(shards, options=ALONE)
        whole = (shards / "00001.tar").read_bytes()
        (shards / "00001.tar").write_bytes(whole[:3000])
        report = collection.add(shards, options=ALONE)
        assert counts(report) == {"unchanged": 4, "failed": 1}
        ((reason, (path,)),) = report.failures.items()
        assert path == shards / "00001.tar" and "cut off" in reason
        assert len(collection) == 6 and collection.info().failed == 1
        (shards / "00001.tar").write_bytes(whole)
        assert counts(collection.add(shards, options=ALONE)) == {"unchanged": 6, "removed": 1}
        assert collection.info().failed == 0 and collection.verify() == []
