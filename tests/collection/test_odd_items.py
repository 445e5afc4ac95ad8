"""Items of odd kinds: every mode of a picture, values of NumPy, and what makes no item."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from tests.mean_color import MeanColor
from tests.pictures import ALONE, counts, vectors
from twinlens.collection import Collection
from twinlens.collection.items import Item
from twinlens.collection.store import DATABASE, PICTURES
from twinlens.core.types import Sample, TwinlensError

RED, GREEN, BLUE = (
    np.full((6, 8, 3), color, dtype=np.uint8) for color in ((230, 20, 20), (20, 230, 20), (20, 20, 230))
)


@pytest.fixture
def empty(tmp_path):
    with Collection.create(tmp_path / "c", MeanColor(), load=MeanColor.load) as made:
        yield made


def ids(hits) -> list[str]:
    return [hit.id for hit in hits]


def kept(collection: Collection) -> list[str]:
    folder = collection.folder / PICTURES
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "I", "F", "I;16", "HSV", "LAB"])
def test_pil_images_of_every_mode_have_the_vector_of_the_image(empty, mode):
    pixels = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    image = Image.fromarray(pixels)
    image = image.convert("L").convert("I").convert("I;16") if mode == "I;16" else image.convert(mode, colors=256)
    empty.add(Item("a", image), options=ALONE)
    (made,) = MeanColor().embed([Sample("a", image)])
    assert np.array_equal(np.frombuffer(*vectors(empty).values(), dtype=np.float32), made)


def test_metadata_are_stored_as_those_of_tables(empty):
    import datetime

    given = {"n": np.int64(3), "x": np.float32(0.5), "ok": np.bool_(True), "day": datetime.date(2024, 5, 1)}
    empty.add(Item("a", RED, "", {**given, "none": None, "nan": float("nan"), "list": (1, "b")}), options=ALONE)
    assert empty.entry("a").metadata == {"n": 3, "x": 0.5, "ok": True, "day": "2024-05-01", "list": [1, "b"]}
    assert ids(empty.search(text="a", where="day > 2024-04 and n = 3 and ok = true")) == ["a"]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ({"id": "", "image": RED}, "the id of an item is empty"),
        ({"id": "x" * 200, "image": RED}, "the id of an item has fewer than 200 bytes"),
        ({"id": "X" * 67, "image": RED}, "count three times; 'XXX.* is too long"),
        ({"id": 7, "image": RED}, "the id of an item wants text, not 7"),
        ({"id": "a\0", "image": RED}, "NUL"),
        ({"id": "a"}, "an item needs image; it has id"),
        ({"image": RED}, "an item needs id; it has image"),
        ({"id": "a", "image": RED, "captoin": ""}, r"unknown field of an item 'captoin' \(did you mean 'caption'\?\)"),
        ({"id": "a", "image": None}, "item 'a': a picture is a path, a PIL image, the bytes of a file or an array of"),
        ({"id": "a", "image": RED * 1.0}, "item 'a': an array of pixels must be uint8, 0 to 255, not float64"),
        ({"id": "a", "image": RED[:, :, :2]}, r"item 'a': an array of pixels must have the shape \(H, W, 3\)"),
        ({"id": "a", "image": RED, "caption": 3}, "item 'a': a caption is a text, or a list of them, not 3"),
        ({"id": "a", "image": RED, "caption": [3]}, "item 'a': a caption wants text, not 3"),
        ({"id": "a", "image": RED, "metadata": [3]}, "item 'a': metadata are a dict of names and values, not list"),
        ({"id": "a", "image": RED, "metadata": {3: 3}}, "item 'a': a name in metadata wants text, not 3"),
        ({"id": "a", "image": RED, "metadata": {"embedded": 3}}, "cannot have a field named 'embedded'"),
    ],
)
def test_what_makes_no_item_is_one_line(empty, arguments, line):
    with pytest.raises(TwinlensError, match=line) as told:
        empty.add([Item("good", RED), arguments])
    assert "\n" not in str(told.value) and len(empty) == 0 and kept(empty) == []


@pytest.mark.parametrize(
    "item_id", ["x" * 199, "X" * 66, "a/b", "..", ".tar/x", "clip.mp4", "ä é", "17", "~", "%41", "\n"]
)
def test_ids_may_be_any_text(empty, item_id):
    assert counts(empty.add(Item(item_id, RED), options=ALONE)) == {"added": 1}
    (hit,) = empty.search(RED, with_self=True)
    assert hit.id == item_id and empty.entry(item_id).path == hit.path and empty.remove(hit) == 1


def test_lists_are_of_one_kind_and_ids_differ(empty, tmp_path):
    for given, line in (
        ([Item("a", RED), tmp_path], "add wants items alone, or paths alone, not "),
        ([Item("a", RED), Item("a", BLUE)], "2 items have the id 'a'; give each its own"),
    ):
        with pytest.raises(TwinlensError, match=line):
            empty.add(given)
    with pytest.raises(TwinlensError, match="captions and exclude are for folders"):
        empty.add(Item("a", RED), exclude=["*.png"])
    assert len(empty) == 0


def test_a_link_in_place_of_the_pictures_is_refused(empty, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (empty.folder / PICTURES).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(TwinlensError, match=r"pictures is a link in place of a folder"):
        empty.add(Item("a", RED))
    assert list((tmp_path / "elsewhere").iterdir()) == [] and (empty.folder / DATABASE).exists()


def test_a_picture_drawn_in_memory_is_upright_and_on_white(empty):
    buffer = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(RED).save(buffer, "JPEG", exif=exif)
    empty.add(
        [Item("turned", Image.open(buffer)), Item("clear", Image.new("RGBA", (4, 4), (0, 0, 0, 0)))], options=ALONE
    )
    assert Image.open(empty.entry("turned").path).size == (6, 8)
    assert Image.open(empty.entry("clear").path).getpixel((0, 0)) == (255, 255, 255)
