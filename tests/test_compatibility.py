"""Models and collections of earlier versions work under this one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.pictures import ALONE, counts
from twinlens.collection import Collection, receipts
from twinlens.core.types import Sample
from twinlens.models.composer import Composer

FIXTURES = Path(__file__).parent / "fixtures"
EXPECTED = json.loads((FIXTURES / "expected-0.1.json").read_text(encoding="utf-8"))
PICTURES = 10


@pytest.fixture
def home(tmp_path):
    """A copy of the collection's folder: its pictures lie elsewhere than where it was made."""
    return Path(shutil.copytree(FIXTURES / "collection-0.1", tmp_path / "home"))


def check_searches(collection: Collection, pictures: Path) -> None:
    """The searches that were recorded give the same ids, scores and captions."""
    for case in EXPECTED["searches"]:
        given = case["search"]
        image = pictures / given["image"] if "image" in given else None
        hits = collection.search(**{**given, "image": image}, with_self=True, negative_weight=1)
        assert [hit.sample.id for hit in hits] == [hit["id"] for hit in case["hits"]]
        np.testing.assert_allclose([hit.score for hit in hits], [hit["score"] for hit in case["hits"]], atol=1e-4)
        assert [Path(hit.sample.image).name for hit in hits] == [hit["picture"] for hit in case["hits"]]
        assert [hit.sample.text for hit in hits] == [hit["caption"] for hit in case["hits"]]
        assert [list(hit.duplicates) for hit in hits] == [hit["duplicates"] for hit in case["hits"]]


def test_the_model_embeds_as_it_did():
    composer = Composer.load(FIXTURES / "model-0.1")
    assert composer.digest == EXPECTED["digest"]
    pictures = FIXTURES / "collection-0.1" / "pictures"
    for case in EXPECTED["vectors"]:
        image = pictures / case["image"] if case["image"] else None
        (vector,) = composer.embed([Sample("query", image, case["text"])])
        assert float(vector @ np.asarray(case["vector"])) > 0.9999


def test_the_collection_is_whole_and_answers_as_it_did(home):
    with Collection.open(home / "collection") as collection:
        assert (len(collection), collection.generation.digest) == (PICTURES, EXPECTED["digest"])
        assert collection.verify() == []
        check_searches(collection, home / "pictures")


def test_without_its_cache_it_answers_the_same(home):
    shutil.rmtree(home / "collection" / "cache")
    with Collection.open(home / "collection") as collection:
        check_searches(collection, home / "pictures")


def test_an_update_knows_pictures_again_that_have_moved(home):
    shutil.copy(home / "new.png", home / "pictures" / "new.png")
    with Collection.open(home / "collection") as collection:
        before = collection.entries_with_vectors()[1]
        report = collection.add(home / "pictures", options=ALONE)
        assert counts(report) == {"added": 1, "moved": PICTURES}
        entries, after = collection.entries_with_vectors()
        np.testing.assert_array_equal(after[:PICTURES], before)
        assert {entry.path.parent for entry in entries} == {home / "pictures"}
        assert collection.verify() == []
        assert collection.search(image=home / "new.png", k=1, with_self=True)[0].sample.id == str(entries[-1].row)
    with Collection.open(home / "collection") as collection:
        assert counts(collection.add(home / "pictures", options=ALONE)) == {"unchanged": PICTURES + 1}
    (home / "pictures" / "new.png").unlink()
    with Collection.open(home / "collection") as collection:
        assert counts(collection.add(home / "pictures", options=ALONE)) == {"removed": 1, "unchanged": PICTURES}
        check_searches(collection, home / "pictures")


def test_a_receipt_replays(home):
    path = home / "receipt.json"
    receipt = json.loads(path.read_text(encoding="utf-8"))
    receipt["asked"]["image"][0]["path"] = str(home / "pictures" / "red-red-red.png")
    path.write_text(json.dumps(receipt), encoding="utf-8")
    with Collection.open(home / "collection") as collection:
        replay = receipts.replay(collection, receipts.read(path))
    assert replay.same
    assert replay.changes == ()


def test_the_fixtures_hold_no_open_database():
    assert [path.name for path in FIXTURES.rglob("*") if path.name.endswith(("-wal", "-shm", ".lock", ".pid"))] == []
