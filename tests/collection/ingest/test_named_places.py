"""Pictures with coordinates have a place, with the extra `place`: from EXIF or from beside, at once or later."""

from __future__ import annotations

import pytest

from tests.collection.search.test_places_and_times import photo
from tests.pictures import ALONE
from twinlens.core.types import TwinlensError
from twinlens.media import places

SPOTS = {
    "lisbon": (38.7097, -9.1366),
    "belem": (38.6916, -9.216),
    "labasa": (-16.43, 179.37),
    "line": (-16.5, -179.9),
    "tromso": (69.65, 18.96),
    "pole": (-90.0, 0.0),
    "sea": (48.1, -30.0),
    "nowhere": None,
}
needs_cities = pytest.mark.skipif(not places.is_installed(), reason="the extra place is not installed")


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path.resolve() / "p"
    for n, (name, spot) in enumerate(SPOTS.items()):
        photo(folder / f"{name}.jpg", n, place=spot)
    return folder


@pytest.fixture
def without(monkeypatch):
    monkeypatch.setattr(places, "is_installed", lambda: False)


def found(collection, where) -> set[str]:
    return {hit.sample.image.stem for hit in collection.search(text="x", k=99, where=where)}


def names(collection) -> dict[str, list[str]]:
    hits = collection.search(text="x", k=99)
    return {hit.sample.image.stem: hit.metadata["place"] for hit in hits if "place" in hit.metadata}


@needs_cities
def test_pictures_have_the_place_of_their_coordinates(collection, photos):
    assert collection.add(photos, options=ALONE).problems == []
    assert names(collection) == {
        "lisbon": ["Lisbon", "Portugal"],
        "belem": ["Algés", "Lisbon", "Portugal"],
        "labasa": ["Labasa", "Fiji"],
        "line": ["Labasa", "Fiji"],
        "tromso": ["Tromsø", "Norway"],
    }
    assert found(collection, 'place has "Lisbon"') == {"lisbon", "belem"}
    assert found(collection, "place has 'Fiji'") == {"labasa", "line"}
    assert found(collection, 'place has "Tromsø"') == {"tromso"}
    assert found(collection, "has latitude and not has place") == {"pole", "sea"}
    with pytest.raises(TwinlensError, match=r'place is a list here, such as .*; write: place has "…"'):
        found(collection, 'place = "Lisbon"')


@needs_cities
def test_coordinates_from_beside_count_first_and_change(collection, photos):
    collection.add(photos, options=ALONE)
    (photos / "metadata.csv").write_text("file_name,latitude,longitude\nsea.jpg,38.71,-9.14\nlisbon.jpg,48.1,-30\n")
    assert collection.add(photos, options=ALONE).unchanged == len(SPOTS)
    assert found(collection, 'place has "Lisbon"') == {"sea", "belem"}
    (photos / "metadata.csv").write_text("file_name,place\nbelem.jpg,the tower\n")
    collection.add(photos, options=ALONE)
    assert names(collection)["belem"] == "the tower" and names(collection)["lisbon"] == ["Lisbon", "Portugal"]


def test_without_the_extra_nothing_changes_and_a_line_names_it(collection, photos, without):
    (line,) = collection.add(photos, options=ALONE).problems
    assert line == (
        "7 pictures have coordinates; to name the places: pip install 'twinlens[place]', then run twinlens index again"
    )
    assert names(collection) == {}
    with pytest.raises(TwinlensError, match=r"asks for place, .*: pip install 'twinlens\[place\]', then"):
        found(collection, 'place has "Lisbon"')
    report = collection.add(photos, options=ALONE)
    assert report.problems == [] and report.unchanged == len(SPOTS)


@needs_cities
def test_a_later_run_fills_places_in_and_one_without_the_extra_keeps_them(collection, photos, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(places, "is_installed", lambda: False)
        collection.add(photos, options=ALONE)
    report = collection.add(photos, options=ALONE)
    assert report.unchanged == len(SPOTS) and report.added == report.changed == 0
    assert found(collection, 'place has "Lisbon"') == {"lisbon", "belem"}
    monkeypatch.setattr(places, "is_installed", lambda: False)
    (photos / "belem.jpg").rename(photos / "tower.jpg")
    (photos / "metadata.csv").write_text("file_name,latitude,longitude\nlisbon.jpg,48.1,-30\n")
    collection.add(photos, options=ALONE)
    assert found(collection, 'place has "Lisbon"') == {"tower"}


@needs_cities
def test_the_cities_are_not_read_again_where_nothing_has_changed(collection, photos, monkeypatch):
    (photos / "pole.jpg").unlink()
    (photos / "sea.jpg").unlink()
    collection.add(photos, options=ALONE)
    monkeypatch.setattr(places, "place", None)
    assert collection.add(photos, options=ALONE).unchanged == len(SPOTS) - 2
