"""Conditions on when and where pictures were taken, on folders, and on values of the wrong type."""

from __future__ import annotations

import math
import sqlite3
import unicodedata

import numpy as np
import pytest
from PIL import Image

from tests.mean_color import MeanColor
from tests.pictures import ALONE
from twinlens.collection import Collection, SearchRequest
from twinlens.collection.search import filters
from twinlens.collection.search.nodes import Below, Near
from twinlens.core.types import TwinlensError

TIMES = (
    "2019:04:30 23:59:59",
    "2019:05:01 00:00:00",
    "2019:05:31 23:59:59",
    "2019:06:01 00:00:00",
    "2020:01:01 08:00:00",
)
CITIES = {"munich": (48.137, 11.575), "augsburg": (48.371, 10.898), "suva": (-18.14, 178.44), "apia": (-13.83, -171.76)}


def photo(path, n, taken="", place=None):
    """A phone's picture in one of the eight orientations."""
    data = Image.Exif()
    data[0x0112] = n % 8 + 1
    if taken:
        data.get_ifd(0x8769)[0x9003] = taken
    if place:
        gps = data.get_ifd(0x8825)
        gps[1], gps[3] = ("S" if place[0] < 0 else "N"), ("W" if place[1] < 0 else "E")
        gps[2], gps[4] = ((abs(degrees), 0.0, 0.0) for degrees in place)
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(n).integers(0, 255, (6, 8, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path, exif=data)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    root = tmp_path_factory.mktemp("photos").resolve()
    for n in range(16):
        photo(root / "p" / f"may/{n}.jpg", n, TIMES[n % len(TIMES)])
    for n, (name, place) in enumerate(CITIES.items()):
        photo(root / "p" / f"cafe\u0301/{name}.jpg", 50 + n, place=place)
    (root / "p" / "may" / "metadata.csv").write_text(
        "file_name,text,year,tag\n0.jpg,a dog,2019x,Stra\u00dfe\n1.jpg,,1,x\n"
    )
    with Collection.create(root / "c", MeanColor(), load=MeanColor.load) as collection:
        collection.add(root / "p", options=ALONE)
        yield root / "p", collection


def test_the_time_and_its_source_with_files_beside_the_picture(tmp_path):
    root = tmp_path.resolve() / "p"
    for n, name in enumerate(("local", "table", "IMG_20190505_010000", "sent")):
        photo(root / f"{name}.jpg", n, "2019:05:04 00:22:10" if n < 2 else "")
        (root / f"{name}.jpg.json").write_text('{"photoTakenTime": {"timestamp": "1556922130"}}')
    (root / "metadata.csv").write_text("file_name,taken\ntable.jpg,2001-01-01\n")
    with Collection.create(tmp_path / "c", MeanColor(), load=MeanColor.load) as collection:
        for _ in range(2):
            report = collection.add(root, options=ALONE)
            hits = collection.search(text="x", k=9)
            times = {hit.sample.image.stem: (hit.metadata["taken"], hit.metadata["taken_from"]) for hit in hits}
            in_utc = ("2019-05-03T22:22:10+00:00", "takeout")
            assert times == {
                "local": ("2019-05-04T00:22:10", "exif"),
                "table": ("2001-01-01", "table"),
                "IMG_20190505_010000": in_utc,
                "sent": in_utc,
            }
            exif = collection.search(text="x", k=9, where='taken_from = "exif" and taken = 2019-05-04')
            assert [hit.sample.image.stem for hit in exif] == ["local"]
        assert report.unchanged == 4


def found(photos, where=None, **options) -> set[str]:
    return {hit.sample.image.stem for hit in photos[1].search(text="x", k=99, where=where, **options)}


def numbers(*wanted: int) -> set[str]:
    """The pictures of some of the times."""
    return {str(n) for n in range(16) if n % len(TIMES) in wanted}


@pytest.mark.parametrize(
    ("where", "wanted"),
    [
        ("taken >= 2019-05-01 and taken < 2019-06-01", (1, 2)),
        ("taken = 2019-05", (1, 2)),
        ("taken >= 2019-06", (3, 4)),
        ("taken > 2019-05", (3, 4)),
        ("taken <= 2019-05", (0, 1, 2)),
        ("taken < 2019-05", (0,)),
        ("taken = 2019", (0, 1, 2, 3)),
        ("taken > 2019", (4,)),
        ("taken != 2019 and has taken", (4,)),
        ("taken = 2019-05-31 23:59", (2,)),
        ("taken >= 2019-05-31T23:59:59 and taken in (2019-05, 2019-06)", (2, 3)),
        ('taken >= "2019-06"', (3, 4)),
        ('taken_from = "exif" and taken = 2020', (4,)),
    ],
)
def test_dates_compare_with_dates_in_all_orientations(photos, where, wanted):
    assert found(photos, where) == numbers(*wanted)


def test_dates_in_quotes_are_dates(photos):
    assert found(photos, 'taken > "2019-05"') == found(photos, "taken > 2019-05") == numbers(3, 4)
    assert found(photos, 'taken in (2020, "2019-04")') == numbers(0, 4)
    assert found(photos, 'taken >= "2019-06-01T00:00:00+02:00"') == numbers(4)
    assert found(photos, 'taken like "2019-05%"') == numbers(1, 2)


@pytest.mark.parametrize("value", ['"x"', '"05/2019"', '"2019-5"', "5", "true"])
def test_what_is_no_date_is_told_what_one_looks_like(photos, value):
    with pytest.raises(TwinlensError, match="taken is compared with a date such as 2019, 2019-05, 2019-05-31 or"):
        found(photos, f"taken > {value}")
    with pytest.raises(TwinlensError, match="needs a date such as 2019, 2019-05"):
        found(photos, "taken > x")


@pytest.mark.parametrize(
    "value",
    ["2019-13", "2019-00", "2019-02-31", "2019-05-01T24:30", "2019-05-01 12:60", "2019-05-01T00:00:00+25:00"],
)
def test_dates_that_no_calendar_has_are_refused(photos, value):
    for written in (value, f'"{value}"', f"(2019, {value})"):
        with pytest.raises(TwinlensError, match="which is not a date such as 2019, 2019-05"):
            found(photos, f"taken {'in' if '(' in written else '>='} {written}")


def test_times_are_accepted_as_they_are_printed(tmp_path):
    times = ("2019-05-15T12:00:00+02:00", "2019-05-15T10:00:00+00:00", "2019-05-15T12:00:00", "2020-02-29")
    rows = ""
    for n, time in enumerate(times):
        photo(tmp_path / "p" / f"{n}.jpg", n)
        rows += f"{n}.jpg,{time}\n"
    (tmp_path / "p" / "metadata.csv").write_text(f"file_name,taken\n{rows}")
    with Collection.create(tmp_path / "c", MeanColor(), load=MeanColor.load) as collection:
        collection.add(tmp_path / "p", options=ALONE)
        for hit in collection.search(text="x", k=9):
            where = f"taken = {hit.metadata['taken']}"
            exact = found((None, collection), where)
            assert hit.sample.image.stem in exact and len(exact) == (2 if hit.metadata["taken"] == times[2] else 1)
        assert found((None, collection), "taken = 2019-05-15T10:00:00Z") == {"1"}
        assert found((None, collection), 'taken = "2019-05-15T10:00:00Z" or taken = 2020-02-29') == {"1", "3"}


def test_times_in_words_of_the_users_own_are_compared_as_text(tmp_path):
    photo(tmp_path / "p" / "0.jpg", 0)
    (tmp_path / "p" / "metadata.csv").write_text("file_name,taken\n0.jpg,in summer\n")
    with Collection.create(tmp_path / "c", MeanColor(), load=MeanColor.load) as collection:
        collection.add(tmp_path / "p", options=ALONE)
        assert len(collection.search(text="x", where='taken = "in summer"')) == 1


def test_pictures_near_a_place(photos):
    assert found(photos, near=(48.14, 11.58, 10)) == {"munich"}
    assert found(photos, near=[48.14, 11.58, 60]) == {"munich", "augsburg"}
    assert found(photos, near=(-16, -179, 1000)) == {"suva", "apia"}  # on both sides of the date line
    assert found(photos, near=(0, 0, 20_100)) == set(CITIES)
    assert found(photos, "latitude > 48.2", near=(48.14, 11.58, 60)) == {"augsburg"}
    with pytest.raises(TwinlensError, match="near wants latitude, longitude"):
        SearchRequest.of(text="x", near=(100, 0, 1))
    with pytest.raises(TwinlensError, match="near wants latitude, longitude"):
        SearchRequest.of(text="x", near=(48, 11))


def great_circle(one, other) -> float:
    """Kilometres between two places, by the law of cosines of the sphere."""
    a, b, c, d = map(math.radians, (*one, *other))
    cosine = math.sin(a) * math.sin(c) + math.cos(a) * math.cos(c) * math.cos(b - d)
    return 6371.0088 * math.acos(max(-1, min(1, cosine)))


def test_heic_is_dated_and_placed_too(tmp_path):
    heif = pytest.importorskip("pillow_heif", reason="the extra heif is not installed")
    for n in range(8):
        photo(tmp_path / "p" / f"{n}.jpg", n, TIMES[n % 2], CITIES["munich"])
        with Image.open(tmp_path / "p" / f"{n}.jpg") as image:
            heif.from_pillow(image).save(tmp_path / "p" / f"{n}.heic", exif=image.getexif().tobytes())
    with Collection.create(tmp_path / "c", MeanColor(), load=MeanColor.load) as collection:
        collection.add(tmp_path / "p", options=ALONE)
        may = collection.search(
            text="x", k=99, where="taken >= 2019-05-01 and taken < 2019-06-01", near=(48.13, 11.57, 100)
        )
        assert sorted(hit.sample.image.name for hit in may) == sorted(
            f"{n}.{ending}" for n in (1, 3, 5, 7) for ending in ("heic", "jpg")
        )


def test_the_distance_is_that_of_the_sphere():
    rng = np.random.default_rng(0)
    sql = sqlite3.connect(":memory:")
    for _ in range(300):
        (a, c), (b, d) = rng.uniform(-90, 90, 2), rng.uniform(-180, 180, 2)
        metadata = f'{{"embedded": {{"latitude": {a}, "longitude": {b}}}}}'
        there = great_circle((a, b), (c, d))
        for kilometres, within in ((there + 0.01, 1), (there - 0.01, 0)):
            condition, parameters = filters.to_sql(Near(c, d, kilometres))
            assert sql.execute(f"SELECT {condition} FROM (SELECT '{metadata}' AS metadata)", parameters).fetchone() == (
                within,
            )


def test_folders(photos):
    root = photos[0]
    assert found(photos, within=root / "cafe\u0301") == set(CITIES)
    assert found(photos, within=[str(root / "may"), root / "cafe\u0301"]) == numbers(*range(5)) | set(CITIES)
    assert found(photos, f'folder = "{root}/may"') == numbers(*range(5))
    assert found(photos, 'folder like "%/caf\u00e9"') == set(CITIES)  # composed here, and not on disk
    assert found(photos, 'path like "%caf\u00e9/m%"') == {"munich"}
    with pytest.raises(TwinlensError, match="has no pictures below"):
        found(photos, within=root / "ma")
    assert filters.to_sql(Below(b"/a/"))[1] == [b"/a/", b"/a0"]


def test_accents_are_equal_however_they_are_composed(photos):
    assert found(photos, unicodedata.normalize("NFD", 'tag = "Stra\u00dfe"')) == {"0"}


def test_a_caption_is_a_text(photos):
    assert found(photos, "has caption") == {"0"}
    assert "1" in found(photos, "not has caption")


@pytest.mark.parametrize(
    ("where", "line"),
    [
        ("tag > 3", r"tag is text here, such as '.*'; write it in quotes"),
        ('latitude = "x"', "latitude is a number here, such as "),
        ("tag = 2019-05", None),
        (
            "keywords has 'sea'",
            "the condition asks for keywords, which no picture of this collection has; twinlens info",
        ),
    ],
)
def test_a_value_of_another_type_is_told(photos, where, line):
    if line is None:
        assert found(photos, where) == set()
        return
    with pytest.raises(TwinlensError, match=line):
        found(photos, where)


def test_hits_and_fields_have_what_files_carry(photos):
    hit = photos[1].search(text="x", where="taken = 2020", k=1)[0]
    assert hit.metadata["taken"] == "2020-01-01T08:00:00" and "embedded" not in hit.metadata
    assert {"taken", "latitude", "folder", "tag"} <= set(photos[1].fields())


def test_a_request_goes_through_json():
    request = SearchRequest.of(text="x", within="/a", near=(1, 2, 3))
    assert SearchRequest.from_json(request.to_json()) == request
    assert not {"within", "near"} & set(SearchRequest.of(text="x").to_json())
