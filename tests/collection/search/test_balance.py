"""The slider between a picture and a sentence: what the model composes in the middle, one side alone at an end."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.mean_color import MeanColor, SideBySide
from tests.pictures import ALONE
from twinlens.collection import Collection, SearchRequest
from twinlens.collection.items import Item
from twinlens.core.types import TwinlensError
from twinlens.datasets import shapes
from twinlens.models.composer import Composer


class Compared(MeanColor):
    """A model whose score is no inner product."""

    @property
    def own_similarity(self):
        return lambda queries, entries: (queries @ entries.T) ** 3

    @classmethod
    def load(cls, folder):
        return cls()


@pytest.fixture(params=[MeanColor, SideBySide, Compared, Composer], ids=lambda model: model.__name__)
def any_collection(request, tmp_path, pictures):
    if request.param is Composer:
        with Collection.create(tmp_path / "any", recipe="compact") as collection:
            collection.add(pictures, options=ALONE)
            yield collection
        return
    with Collection.create(tmp_path / "any", request.param(), load=request.param.load) as collection:
        collection.add(pictures, options=ALONE)
        yield collection


def scores(hits) -> dict[str, float]:
    return {hit.path.stem: hit.score for hit in hits}


def test_the_middle_is_the_composed_query_and_the_ends_one_side_alone(any_collection, pictures):
    image, text = pictures / "red-0.png", "green"

    def found(image=None, text="", **options):
        return scores(any_collection.search(image, text, 20, with_self=True, **options))

    assert found(image, text, balance=0.5) == pytest.approx(found(image, text), abs=1e-5)
    assert found(image, text, balance=0) == pytest.approx(found(image), abs=1e-5)
    assert found(image, text, balance=1) == pytest.approx(found(text=text), abs=1e-5)


def test_between_them_the_scores_are_mixed(tmp_path, pictures):
    with Collection.create(tmp_path / "beside", SideBySide(), load=SideBySide.load) as collection:
        collection.add(pictures, options=ALONE)
        image, text = pictures / "red-0.png", "green"
        order = [scores(collection.search(image, text, 20, balance=b, with_self=True)) for b in (0, 0.25, 0.75, 1)]
    lead = [found["green-0"] - found["red-0"] for found in order]
    assert lead == sorted(lead)
    assert lead[0] < 0 < lead[-1]


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(balance=st.floats(0, 1))
def test_a_balance_anywhere_ranks_every_picture_once(collection, pictures, balance):
    hits = collection.search(pictures / "red-0.png", "green", 20, balance=balance, with_self=True)
    assert len({hit.id for hit in hits}) == len(hits) == 12
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def test_an_end_does_not_ask_what_the_other_side_could_answer(tmp_path, pictures):
    (pictures / "metadata.csv").unlink()  # no captions: words have nothing to be compared with
    with Collection.create(tmp_path / "bare", SideBySide(), load=SideBySide.load) as collection:
        collection.add(pictures, options=ALONE)
        assert len(collection.search(pictures / "red-0.png", k=20)) == 11
        with pytest.raises(TwinlensError, match="has a caption"):
            collection.search(pictures / "red-0.png", "green", balance=1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"balance": 1.5}, "wants 0 .* to 1"),
        ({"balance": float("nan")}, "finite number"),
        ({"balance": 0.2, "image": None}, "between a picture and a text"),
        ({"balance": 0.2, "text": ""}, "between a picture and a text"),
        ({"balance": 0.2, "weights": [1, 1]}, "balance and weights"),
    ],
)
def test_a_wrong_balance_is_refused(options, message):
    with pytest.raises(TwinlensError, match=message):
        SearchRequest.of(**{"image": "a.png", "text": "green", **options})


def test_a_request_survives_json():
    request = SearchRequest.of("a.png", "green", balance=0)
    assert request.to_json()["balance"] == 0
    assert "balance" not in SearchRequest.of("a.png", "green").to_json()
    assert SearchRequest.from_json(request.to_json()).balance == 0


def test_an_end_without_a_direction_says_so(tmp_path):
    with Collection.create(tmp_path / "scenes", recipe="reading") as collection:
        scenes = shapes.load(None, "test", protocol="edits", scenes=2)
        collection.add([Item(f"{n}", scene.image) for n, scene in enumerate(scenes.gallery[:6])], options=ALONE)
        query = {"image": scenes.gallery[0].image, "text": "swap the left box and the right box"}
        assert collection.search(**query, balance=0.9)
        with pytest.raises(TwinlensError, match="gives the model nothing to search for; move the balance back"):
            collection.search(**query, balance=1)
