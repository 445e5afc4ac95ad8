"""Facets: the fields of a collection with their values and histograms, and its folders."""

from __future__ import annotations

import pytest

from tests.mean_color import MeanColor
from tests.pictures import ALONE, png
from twinlens.collection import Collection
from twinlens.collection.facets import BARS, MAX_VALUES, after
from twinlens.collection.items import Item


@pytest.fixture
def of(tmp_path):
    """A function from the metadata of items to the facets of their collection, by name."""

    def facets(*metadata: dict):
        with Collection.create(tmp_path / "c", MeanColor(), load=MeanColor.load) as made:
            made.add([Item(f"i{n}", png(n), "", fields) for n, fields in enumerate(metadata)], options=ALONE)
            return {facet.name: facet for facet in made.facets().fields}

    return facets


def test_each_kind_of_value_is_told(of):
    found = of(
        {"text": "a", "number": 2, "date": "2020-02-01", "list": ["x", "y"], "flag": True, "nothing": None},
        {"text": "a", "number": 2.5, "date": "2020-03-01T10:00:00", "list": ["x"], "flag": False},
        {"text": "b", "object": {"a": 1}},
    )
    kinds = {name: facet.kind for name, facet in found.items()}
    assert kinds == {"text": "text", "number": "number", "date": "date", "list": "list", "flag": "text"}
    assert found["text"].values == (("a", 2), ("b", 1)) and found["text"].count == 3
    assert found["list"].values == (("x", 2), ("y", 1)) and dict(found["flag"].values) == {"true": 1, "false": 1}
    days = found["date"].histogram
    assert (days[0].low, days[0].high, days[-1].low, len(days)) == ("2020-02-01", "2020-02-02", "2020-03-01", 30)
    assert sum(day.count for day in days) == days[0].count + days[-1].count == 2


def test_numbers_fall_into_equal_bars_that_hold_all(of):
    bars = of(*({"n": n} for n in range(30)))["n"].histogram
    assert len(bars) == BARS and sum(bar.count for bar in bars) == 30
    assert (bars[0].low, bars[-1].high) == (0, pytest.approx(29))


def test_equal_numbers_are_one_bar(of):
    (only,) = of({"m": 7}, {"m": 7})["m"].histogram
    assert (only.low, only.high, only.count) == (7, 7, 2)


@pytest.mark.parametrize(
    ("dates", "first", "bars"),
    [
        (["2020-02-27", "2020-03-02"], "2020-02-27", 5),
        (["2019-11", "2020-02-03"], "2019-11", 4),
        (["1999-01-01", "2020-01-01"], "1999", 22),
        (["2020-01-01"], "2020-01-01", 1),
        (["0001-01-01", "9999-12-31"], "0001", 400),
    ],
)
def test_dates_take_the_finest_unit_with_few_bars(of, dates, first, bars):
    histogram = of(*({"taken": date} for date in dates))["taken"].histogram
    assert (histogram[0].low, len(histogram)) == (first, bars)


def test_bars_of_dates_are_conditions(of, tmp_path):
    bar = of({"taken": "2020-02-28"}, {"taken": "2020-02-29T23:00:00"}, {"taken": "2020-03-01"})["taken"].histogram[1]
    with Collection.open(tmp_path / "c", load=MeanColor.load) as collection:
        where = f"taken >= {bar.low} and taken < {bar.high}"
        assert [hit.id for hit in collection.search(png(1), where=where, with_self=True)] == ["i1"]


def test_many_values_are_cut_and_prose_is_left_out(of):
    found = of(*({"word": f"w{n}", "prose": "x" * (300 + n)} for n in range(60)))
    assert len(found["word"].values) == MAX_VALUES and found["prose"].values == ()


def test_folders_are_counted(tmp_path):
    for n, name in enumerate(("a/1.png", "a/2.png", "b/3.png")):
        (tmp_path / "pictures" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "pictures" / name).write_bytes(png(n))
    with Collection.create(tmp_path / "c", MeanColor(), load=MeanColor.load) as made:
        made.add(tmp_path / "pictures", options=ALONE)
        assert [(folder.name, count) for folder, count in made.facets().folders] == [("a", 2), ("b", 1)]


def test_the_unit_after_one():
    given = ("2019", "2019-12", "2020-02-28", "2020-02-29", "2021-12-31", "2021-02-31", "2021-13")
    wanted = ["2020", "2020-01", "2020-02-29", "2020-03-01", "2022-01-01", "2021-03-01", "2022-01"]
    assert [after(unit) for unit in given] == wanted
