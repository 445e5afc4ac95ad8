"""Many queries at once: the same answers as one at a time."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.mean_color import MeanColor, SideBySide
from tests.pictures import ALONE, draw, png
from twinlens.collection import Collection, SearchRequest
from twinlens.collection.engines.local import LocalEngine
from twinlens.core.types import TwinlensError

TEXTS = ("red", "blue", "red blue", "green", "nothing of it")


@pytest.fixture(scope="module", params=[MeanColor, SideBySide])
def many(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("many")
    lines = ["file_name,text,n"]
    for seed in range(40):
        draw(folder / "pictures" / f"{seed:02}.png", seed % 35)  # five are copies
        lines.append(f"{seed:02}.png,{TEXTS[seed % 4]},{seed}")
    (folder / "pictures" / "metadata.csv").write_text("\n".join(lines))
    with Collection.create(folder / "c", request.param(), load=request.param.load) as made:
        made.add(folder / "pictures", options=ALONE)
        yield made


def queries(collection: Collection):
    """Strategies for the arguments of one search."""
    paths = sorted((collection.folder.parent / "pictures").glob("*.png"))
    return st.fixed_dictionaries(
        {"text": st.sampled_from(TEXTS), "k": st.integers(1, 50)},
        optional={
            "image": st.sampled_from([*paths[:6], png(3)]),
            "where": st.sampled_from(["n < 20", "n >= 35", 'path like "%1.png"']),
            "without": st.sampled_from(TEXTS[:2]),
            "unlike": st.sampled_from(["1", "7"]),
            "distinct": st.sampled_from([0.9, 0.999]),
            "rerank": st.just("diverse:5"),
            "with_self": st.booleans(),
        },
    )


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_answers_equal_those_of_single_searches(many, data):
    asked = data.draw(st.lists(queries(many), max_size=6))
    found, each = [], []
    for arguments in asked:
        try:
            each.append(many.search(**arguments))
            found.append(arguments)
        except TwinlensError:  # a query that takes itself away
            with pytest.raises(TwinlensError):
                many.search_many([*found, arguments])
    together = many.search_many(found)
    assert together == each
    for one, other in zip(together, each, strict=True):
        assert (one.chance, one.mean, one.unit) == (other.chance, other.mean, other.unit)


def test_the_vectors_are_scanned_once_for_all_of_one_filter(many, monkeypatch):
    scans, search = [], LocalEngine.search

    def counted(self, vectors, k, **options):
        scans.append(len(vectors))
        return search(self, vectors, k, **options)

    monkeypatch.setattr(LocalEngine, "search", counted)
    many.search_many(["red", "blue", {"text": "green", "where": "n < 20"}, "red blue"])
    assert len(scans) == 2 and scans[0] == 3 * scans[1]
    scans.clear()
    many.search_many(["red", "blue"], where="n < 20")
    assert len(scans) == 1


def test_every_kind_of_query_is_taken(many):
    path = many.folder.parent / "pictures" / "03.png"
    pixels = np.asarray(Image.open(path))
    kinds = [path, Image.open(path), path.read_bytes(), pixels, {"image": str(path)}, SearchRequest((path,), k=3)]
    found = many.search_many(kinds, k=3, with_self=True)
    assert found == [*[many.search(path, k=3, with_self=True)] * 5, many.answer(kinds[-1])]
    assert many.search_many(["red"], k=2)[0] == many.search(text="red", k=2)
    assert many.search_many([]) == [] and many.search_many(iter(["red"])) == [many.search(text="red")]


@pytest.mark.parametrize("given", ["red", None, 7, {"text": "red"}, b"bytes", SearchRequest(texts=("red",))])
def test_what_is_no_list_is_one_line(many, given):
    with pytest.raises(TwinlensError, match=r"^search_many wants a list of queries, not .*; give search one$"):
        many.search_many(given)


def test_an_unknown_option_is_named_with_the_known_ones(many):
    line = r"unknown option of search 'tetx' \(did you mean 'text'\?\); known: balance, distinct, image, k, near"
    for use in (many.search, lambda **o: many.search_many(["red"], **o), lambda **o: many.search_many([o])):
        with pytest.raises(TypeError, match=line):
            use(tetx="x")


def test_query_pictures_come_in_every_form(many):
    path = many.folder.parent / "pictures" / "09.png"
    by_path = many.search(path)
    assert many.search(path.read_bytes()) == by_path == many.search(str(path))  # its own row left out by its content
    with_self = many.search(path, with_self=True)
    for image in (Image.open(path), np.asarray(Image.open(path)), bytearray(path.read_bytes())):
        assert many.search(image, with_self=True) == with_self
    buffer = io.BytesIO()
    Image.open(path).save(buffer, "BMP")
    assert len(many.search([path, buffer.getvalue()], "red")) == 10
