from __future__ import annotations

import copy
import functools
import json
from collections import Counter

import pytest
from PIL import Image

from tests.mean_color import MeanColor
from tests.pictures import ALONE, names, paint
from twinlens.collection import Collection, SearchRequest, receipts
from twinlens.collection.store.contents import runs
from twinlens.core.types import TwinlensError
from twinlens.models.runtime import accelerated


@pytest.fixture
def request_for_red(pictures):
    return SearchRequest.of([pictures / "red-0.png"], ["red"], 3, where="shade >= 0", with_self=True)


@pytest.fixture
def taken(collection, request_for_red, tmp_path):
    """The receipt of a search, as it is read from its file."""
    hits, receipt = receipts.search(collection, request_for_red)
    assert names(hits) == ["red-0", "red-1", "red-2"] == [answer["path"][-9:-4] for answer in receipt["hits"]]
    (tmp_path / "r").write_text(json.dumps(receipt))
    return receipts.read(tmp_path / "r")


def test_nothing_has_changed(collection, taken):
    replay = receipts.replay(collection, taken)
    assert replay.same and replay.changes == () and replay.now == replay.then
    assert taken["collection"]["rows"] == [[1, 12]] and taken["model"]["digest"] == MeanColor().digest


def test_another_copy_of_the_collection_answers_the_same(collection, taken, tmp_path, pictures):
    with Collection.create(tmp_path / "d", MeanColor(), load=MeanColor.load) as anew:
        anew.add(pictures, options=ALONE)
        replay = receipts.replay(anew, taken)
        assert replay.same and replay.changes == ()


def test_pictures_that_come_and_go_are_counted(collection, taken, pictures):
    paint(pictures / "zebra.png", (1, 2, 3))
    collection.add(pictures, options=ALONE)
    replay = receipts.replay(collection, taken)
    assert replay.same and replay.changes == (
        "pictures of the collection: 1 added, 0 removed (a changed one counts as both)",
    )
    (pictures / "red-1.png").unlink()
    paint(pictures / "blue-0.png", (9, 9, 9))
    collection.add(pictures, options=ALONE)
    replay = receipts.replay(collection, taken)
    assert not replay.same and "2 added, 2 removed" in replay.changes[0]
    assert [answer["path"][-9:-4] for answer in replay.now] == ["red-0", "red-2", "red-3"]


def test_other_metadata_is_told(collection, taken, pictures):
    table = pictures / "metadata.csv"
    table.write_text(table.read_text().replace("red-0.png,red,0,red", "red-0.png,red,-1,red"))
    collection.add(pictures, options=ALONE)
    replay = receipts.replay(collection, taken)
    assert not replay.same
    assert replay.changes == ("places or metadata of pictures in the collection have changed",)


def test_a_moved_picture_is_the_same_answer(collection, taken, pictures):
    (pictures / "red-1.png").rename(pictures / "moved.png")
    (pictures / "metadata.csv").write_text((pictures / "metadata.csv").read_text().replace("red-1.png", "moved.png"))
    collection.add(pictures, options=ALONE)
    replay = receipts.replay(collection, taken)
    assert replay.same and replay.changes == ("places or metadata of pictures in the collection have changed",)


def test_another_model_is_told(collection, taken):
    collection.change_model(MeanColor(turn=3), options=ALONE)
    replay = receipts.replay(collection, taken)
    assert replay.changes[0].startswith("the model is another: it was mean-color 000000000000")


def test_the_querys_picture_changes_and_goes(collection, taken, pictures):
    Image.new("RGB", (8, 6), (20, 20, 230)).save(pictures / "red-0.png")
    replay = receipts.replay(collection, taken)
    assert not replay.same and replay.changes == (f"the query's picture {pictures / 'red-0.png'} has changed",)
    (pictures / "red-0.png").unlink()
    replay = receipts.replay(collection, taken)
    assert not replay.same and replay.now is None
    assert replay.changes[0].endswith("is gone") and "cannot be asked again" in replay.changes[1]


def test_a_picture_to_stay_away_from_may_be_gone(collection, pictures):
    _, receipt = receipts.search(collection, SearchRequest.of(text="red", k=2, unlike="5"))
    assert receipts.replay(collection, receipt).same
    collection.entry("5").path.unlink()
    collection.add(pictures, options=ALONE)
    assert "no picture with the id '5'" in receipts.replay(collection, receipt).changes[-1]


def test_a_receipt_needs_files(collection):
    with pytest.raises(TwinlensError, match="only for pictures that are files"):
        receipts.search(collection, SearchRequest.of(Image.new("RGB", (3, 3))))


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("{}", "is no receipt"),
        ("[" * 100_000, "is no receipt"),
        ('{"receipt": 2, "deep": ' + "[" * 600 + "]" * 600 + "}", "is no receipt"),
        ('{"receipt": 2, "deep": ' + '{"a":' * 20_000 + "1" + "}" * 20_000 + "}", "is no receipt"),
        ('{"receipt": NaN}', "is no receipt"),
        ('{"receipt": ' + "9" * 5000 + "}", "is no receipt"),
        (b'{"receipt": 2, "name": "caf\xe9"}', "is no receipt"),
        (b"\xff\xfe{\0}\0", "is no receipt"),
        ('{"receipt": 9, "asked": {}, "model": {"digest": ""}, "hits": [], "collection": {"rows": [], "folder": "",'
         ' "pictures": "", "fields": ""}}', "is a receipt of version 9"),
        (None, "cannot read the receipt"),
    ],
)  # fmt: skip
def test_what_is_no_receipt_is_one_line(tmp_path, content, line):
    if content is not None:
        (tmp_path / "r").write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(TwinlensError, match=line):
        receipts.read(tmp_path / "r")


def nested(depth: int) -> list:
    deep = []
    for _ in range(depth):
        deep = [deep]
    return deep


FORGED = [None, True, -1, 1.5, float("nan"), float("inf"), 10**400, "", "x\0y", "\ud800", "x" * 10_000, [], {}, [[1]],
          [[1, 10**18]], nested(600), [None], {"a": {"a": 1}}]  # fmt: skip


def places(value: object, at: tuple = ()):
    """The path of every value within a receipt."""
    if at:
        yield at
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from places(value[key], (*at, key))


def test_a_forged_receipt_is_replayed_or_refused_in_one_line(collection, taken, tmp_path):
    told = Counter()
    for place in places(taken):
        for value in FORGED:
            forged = copy.deepcopy(taken)
            inner = functools.reduce(lambda part, key: part[key], place[:-1], forged)
            inner[place[-1]] = value
            if place != ("check",):
                forged["check"] = receipts._check(forged)
            (tmp_path / "f").write_text(json.dumps(forged))
            try:
                replay = receipts.replay(collection, receipts.read(tmp_path / "f"))
                assert json.dumps(vars(replay), allow_nan=False)
                told["replayed"] += 1
            except TwinlensError as error:
                assert "\n" not in str(error) and str(error).isprintable()
                told["refused"] += 1
    assert told["refused"] > told["replayed"] > 0


def test_a_receipt_of_a_later_option_is_one_line(collection, taken):
    taken["asked"]["telepathy"] = True
    with pytest.raises(TwinlensError, match="what this twinlens does not know"):
        receipts.replay(collection, taken)


def test_runs():
    assert runs([]) == ()
    assert runs([1, 2, 3, 7, 9, 10]) == ((1, 3), (7, 7), (9, 10))


@pytest.mark.parametrize("mode", ["torch", "onnx"])
def test_a_receipt_says_what_ran_each_network(toy_composer, pictures, tmp_path, mode):
    with Collection.create(tmp_path / "d", accelerated(toy_composer, mode=mode)) as collection:
        collection.add(pictures, options=ALONE)
        _, receipt = receipts.search(collection, SearchRequest.of(text="red"))
    networks = {"visualbert": "onnx"} if mode == "onnx" else {}
    assert receipt["model"]["runtime"] == mode and receipt["model"]["networks"] == networks
