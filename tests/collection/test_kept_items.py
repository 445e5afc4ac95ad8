"""Items: pictures that programs add, update and remove under ids of their own."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.mean_color import MeanColor
from tests.pictures import ALONE, counts, draw, paint, png, vectors
from tests.repairs import DAMAGE, NEEDS_MODEL, mend
from twinlens.collection import Collection
from twinlens.collection.items import Item
from twinlens.collection.store import PICTURES, Store
from twinlens.core.types import TwinlensError

RED, GREEN, BLUE = (
    np.full((6, 8, 3), color, dtype=np.uint8) for color in ((230, 20, 20), (20, 230, 20), (20, 20, 230))
)
OF_FILES = {"a row's number", "a letter of a caption"}
"""Damages of bytes that a collection of files alone has."""


@pytest.fixture
def empty(tmp_path):
    with Collection.create(tmp_path / "c", MeanColor(), load=MeanColor.load) as made:
        yield made


@pytest.fixture
def shop(empty):
    empty.add(
        [
            Item("red", RED, "a red cup", {"price": 3, "tags": ["cup", "new"]}),
            Item("green", GREEN, ["a green cup", "made of glass"], {"price": 5}),
            {"id": "Blue Cup / 17", "image": BLUE, "metadata": {"price": 8}},
        ],
        options=ALONE,
    )
    return empty


def ids(hits) -> list[str]:
    return [hit.id for hit in hits]


def kept(collection: Collection) -> list[str]:
    folder = collection.folder / PICTURES
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def again(collection: Collection) -> Collection:
    return Collection.open(collection.folder, load=MeanColor.load)


def test_items_are_found_with_all_that_was_given(shop):
    assert len(shop) == 3 and len(kept(shop)) == 3 and shop.verify() == []
    hit = shop.search(RED, with_self=True)[0]
    assert (hit.id, hit.caption, hit.rank) == ("red", "a red cup", 1)
    assert hit.metadata == {"price": 3, "tags": ["cup", "new"]}
    assert np.array_equal(np.asarray(Image.open(hit.path)), RED)
    assert ids(shop.search(text="cup", where="price > 3")) == ["green", "Blue Cup / 17"]
    assert ids(shop.search(text="cup", where='tags has "new"')) == ["red"]
    assert shop.entry("green").caption == "a green cup. made of glass"
    with pytest.raises(TwinlensError, match=r"unknown field 'prise' \(did you mean 'price'\?\)"):
        shop.search(text="cup", where="prise > 3")
    with again(shop) as opened:
        assert opened.search(text="cup") == shop.search(text="cup")


@pytest.mark.parametrize("ending", ["png", "jpg", "webp", "gif", "bmp", "tif"])
def test_files_and_their_bytes_are_kept_as_they_are(empty, tmp_path, ending):
    file = tmp_path / f"a.{ending}"
    Image.fromarray(RED).save(file)
    report = empty.add([Item("path", file), Item("text", str(file)), Item("bytes", file.read_bytes())], options=ALONE)
    assert counts(report) == {"added": 3}
    assert all(Path(empty.entry(name).path).read_bytes() == file.read_bytes() for name in ("path", "text", "bytes"))
    file.unlink()
    assert empty.check_files().checked == 3 and len(empty) == 3


def test_an_item_is_shown_by_its_id(shop):
    from twinlens.media import moments

    (hit,) = shop.search(text="x", where="price = 8")
    assert moments.label(hit.path) == hit.id == "Blue Cup / 17"
    assert hit.path.name.startswith("%42lue%20%43up%20%2f%2017~")


def test_the_same_again_is_nothing_new(shop):
    rows = {name: shop.entry(name).row for name in ("red", "green")}
    model = shop.model
    report = shop.add(Item("red", RED, "a red cup", {"price": 3, "tags": ["cup", "new"]}), options=ALONE)
    assert counts(report) == {"unchanged": 1} and model.prepared == 3
    assert shop.entry("red").row == rows["red"] and len(kept(shop)) == 3


def test_an_item_takes_the_place_of_the_one_with_its_id(shop):
    assert counts(shop.add(Item("red", BLUE, "blue now"), options=ALONE)) == {"added": 1}
    assert len(shop) == 3 and len(kept(shop)) == 3
    entry = shop.entry("red")
    assert (entry.caption, entry.metadata) == ("blue now", {})
    assert set(ids(shop.search(BLUE, k=2, with_self=True))) == {"red", "Blue Cup / 17"}


def test_an_update_changes_what_is_given_alone(shop):
    model = shop.model
    shop.update("red", metadata={"price": 4})
    assert model.prepared == 3 and shop.entry("red").metadata == {"price": 4}  # nothing was embedded
    shop.update("red", caption=["one", "two"])
    assert model.prepared == 4 and shop.entry("red").caption == "one. two"
    assert shop.entry("red").metadata == {"price": 4}
    (hit,) = shop.search(text="two", where="price = 4")
    shop.update(hit, image=png(5))
    entry = shop.entry("red")
    assert (entry.caption, entry.metadata, entry.path.read_bytes()) == ("one. two", {"price": 4}, png(5))
    shop.update("red", caption="", metadata={})
    assert (shop.entry("red").caption, shop.entry("red").metadata) == ("", {})
    assert len(shop) == 3 and len(kept(shop)) == 3 and shop.verify() == []


def test_an_update_that_fails_leaves_the_item(shop):
    before = shop.entry("red"), vectors(shop), kept(shop)
    for image in (b"no picture", png(1)[:60], Path("/nowhere.png")):
        with pytest.raises(TwinlensError, match=r"^item 'red' stays as it was: "):
            shop.update("red", image=image, caption="new")
    with pytest.raises(TwinlensError, match="an array of pixels must be uint8"):
        shop.update("red", image=RED / 255)
    assert (shop.entry("red"), vectors(shop), kept(shop)) == before


def test_bad_pictures_stop_nothing_and_are_listed_by_their_ids(empty, tmp_path):
    video = tmp_path / "a.mp4"
    video.write_bytes(b"\0\0\0\x18ftypisom" + bytes(50))
    bad = [Item("none", b"text"), Item("cut", png(1)[:60]), Item("gone", tmp_path / "x.png"), Item("film", video)]
    report = empty.add([Item("a", RED), *bad, Item("b", BLUE)], options=ALONE)
    assert counts(report) == {"added": 2, "failed": 4}
    assert sorted(str(path) for paths in report.failures.values() for path in paths) == ["cut", "film", "gone", "none"]
    assert len(empty) == 2 and len(kept(empty)) == 2 and empty.info().failed == 0


def test_removal_takes_the_pictures_along(shop, tmp_path):
    (hit,) = shop.search(text="cup", where="price = 5")
    assert shop.remove(hit, "Blue Cup / 17") == 2
    assert ids(shop.search(text="cup")) == ["red"] and len(kept(shop)) == 1
    assert shop.forget("red") == 1
    assert len(shop) == 0 and kept(shop) == [] and shop.verify() == []


def test_unknown_ids_are_named_and_nothing_is_changed(shop):
    row = str(shop.entry("red").row)
    for use in (lambda: shop.remove("red", "rot", row), lambda: shop.remove("red", "rot", row, "red")):
        with pytest.raises(TwinlensError, match=rf"has no picture with the ids 'rot', '{row}'$"):
            use()
    with pytest.raises(TwinlensError, match=r"has no picture with the id 'rot'$"):
        shop.update("rot", caption="x")
    with pytest.raises(TwinlensError, match=r"an id is the text that a hit or an item has, not 7"):
        shop.remove(7)
    assert len(shop) == 3


def test_files_of_the_users_folders_are_let_go_and_not_changed(shop, tmp_path):
    file = draw(tmp_path.resolve() / "mine" / "a.png", 3)
    shop.add(tmp_path / "mine", options=ALONE)
    hit = shop.search(file, with_self=True)[0]
    assert hit.path == file and hit.id == str(shop.entry(hit.id).row)
    with pytest.raises(TwinlensError, match=r"a\.png is a file of yours: change it"):
        shop.update(hit, caption="x")
    shop.add(Item(hit.id, RED), options=ALONE)  # of the same id as that file's
    with pytest.raises(TwinlensError, match=rf"^'{hit.id}' is the id of an item and of .*a\.png; name the item other"):
        shop.remove(hit)
    assert shop.forget(file) == 1 and file.exists() and shop.remove(hit.id) == 1 and len(shop) == 3


def test_the_runs_of_folders_leave_items_alone(tmp_path):
    """The collection lies among the pictures that it indexes."""
    paint(tmp_path / "a.png", (9, 9, 9))
    with Collection.create(tmp_path / "c", MeanColor(), load=MeanColor.load) as made:
        made.add(Item("red", RED, "cup"), options=ALONE)
        assert counts(made.add(tmp_path, options=ALONE)) == {"added": 1}
        assert counts(made.add(tmp_path, options=ALONE)) == {"unchanged": 1}
        assert made.entry("red").caption == "cup" and len(made) == 2
        for own in (made.folder / PICTURES, made.entry("red").path):
            with pytest.raises(TwinlensError, match=r"is kept by the collection .*, and is found there already$"):
                made.add(own)


def test_another_model_and_a_repair_embed_the_kept_pictures(shop):
    before = vectors(shop)
    shop.change_model(MeanColor(turn=3), options=ALONE)
    assert {path: np.roll(np.frombuffer(v, "<f4"), 3).tolist() for path, v in before.items()} == {
        path: np.frombuffer(v, "<f4").tolist() for path, v in vectors(shop).items()
    }
    row = shop.entry("red").row
    store = Store.open(shop.folder)
    with store.change():
        store.drop_vector(row, shop.generation.number)
    store.commit()
    store.close()
    assert shop.repair(options=ALONE).embedded.added == 1 and shop.verify() == [] and len(shop) == 3


@pytest.mark.parametrize("what", ["metadata", "entry"])
def test_what_is_damaged_of_an_item_comes_back_when_it_is_added_again(shop, what):
    wanted, store = shop.entry("Blue Cup / 17"), Store.open(shop.folder)
    with store.change():
        store.fail(wanted.row, "damaged") if what == "entry" else store.reset_metadata(wanted.row)
    store.commit()
    store.close()
    shop.add(Item("Blue Cup / 17", BLUE, "", {"price": 8}), options=ALONE)
    found = shop.entry("Blue Cup / 17")
    assert (found.metadata, found.hash, found.failure) == (wanted.metadata, wanted.hash, None)
    assert len(shop) == 3 and shop.check_files().lines == [] and shop.verify() == []


@pytest.mark.parametrize("move", [shutil.move, shutil.copytree])
def test_a_collection_that_is_moved_or_copied_has_its_pictures(shop, tmp_path, move):
    before = shop.search(text="cup")
    shop.close()
    (shop.folder / PICTURES / "unfinished").touch()
    move(shop.folder, tmp_path / "elsewhere")
    for path in (tmp_path / "elsewhere" / PICTURES).iterdir():
        path.touch()  # as tools do that keep no times
    with Collection.open(tmp_path / "elsewhere", load=MeanColor.load) as moved:
        hits = moved.search(text="cup")
        assert ids(hits) == ids(before)
        assert {hit.path.parent for hit in hits} == {tmp_path.resolve() / "elsewhere" / PICTURES}
        assert moved.check_files().checked == 3 and moved.verify() == []
        moved.change_model(MeanColor(turn=1), options=ALONE)
        assert len(moved) == len(kept(moved)) == 3
        assert counts(moved.add(Item("Blue Cup / 17", BLUE, "", {"price": 8}), options=ALONE)) == {"unchanged": 1}


def test_what_a_kill_leaves_is_removed_by_the_next_writer(shop):
    folder = shop.folder / PICTURES
    stray, foreign = folder / f"red~{'ab' * 20}.png", folder / "mine.png"
    for path in (stray, foreign, folder / "new-0123abcd", folder / "unfinished"):
        path.touch()
    shop.remove("green")
    assert sorted(set(kept(shop)) - {shop.entry(n).path.name for n in ("red", "Blue Cup / 17")}) == ["mine.png"]


def test_two_items_may_have_one_picture(empty):
    assert counts(empty.add([Item("a", RED), Item("A", RED)], options=ALONE)) == {"added": 2}
    assert len(kept(empty)) == 2 and empty.remove("a") == 1
    assert ids(empty.search(RED, with_self=True)) == ["A"]


def test_near_duplicates_are_named_by_their_ids(empty):
    empty.add([Item("a", RED), Item("b", RED)], options=ALONE)
    (hit,) = empty.search(RED, distinct=0.99, with_self=True)
    assert {hit.id, *hit.duplicates} == {"a", "b"}
    assert ids(empty.search(BLUE, unlike=["a"])) == ["b"]
    assert [[entry.id for entry in group] for group in empty.duplicates()] == [["a", "b"]]


@pytest.mark.parametrize("what", [name for name in DAMAGE if name not in OF_FILES and not name.startswith("bit ")])
def test_items_of_a_damaged_collection_come_back(shop, what):
    folder, pictures = shop.folder, kept(shop)
    before = {hit.id: (hit.caption, hit.metadata) for hit in shop.search(RED, with_self=True)}
    shop.close()
    DAMAGE[what](folder)
    mend(folder, composer=MeanColor() if what in NEEDS_MODEL else None)
    with Collection.open(folder, load=MeanColor.load) as mended:
        after = {hit.id: (hit.caption, hit.metadata) for hit in mended.search(RED, with_self=True)}
        assert mended.verify() == []
        assert kept(mended) == pictures
    assert set(after) == set(before)
    assert sum(after[one] != before[one] for one in before) <= ("metadata" in what)
