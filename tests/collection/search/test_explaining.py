"""Explanations: shares that add up to the score, and the words that moved it."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.collection.search.test_balance import Compared
from tests.mean_color import MeanColor, SideBySide
from tests.pictures import ALONE, draw
from twinlens.calibration import Calibration, Channel, channels_of_sides
from twinlens.collection import Collection, SearchRequest
from twinlens.collection.search import word_effects
from twinlens.collection.search.search import Plan, embedded_queries
from twinlens.collection.search.shares import _bonus, _part, terms
from twinlens.core.explanation import PARTS
from twinlens.core.types import TwinlensError
from twinlens.models.composer import Composer

MODELS = [MeanColor, SideBySide, Compared, Composer]
QUERIES = st.fixed_dictionaries(
    {
        "image": st.sampled_from([None, "red-0.png", "bare-1.png", ["red-0.png", "blue-1.png"]]),
        "text": st.sampled_from(["", "green", "a red thing", ["green", "dark blue"]]),
    },
    optional={
        "without": st.sampled_from(["red", ["blue", "a green one"]]),
        "unlike": st.just(["1", "4"]),
        "balance": st.floats(0, 1),
        "negative_weight": st.floats(0, 0.4),
    },
)


@pytest.fixture(scope="module")
def all_collections(tmp_path_factory):
    """Collections of the captioned shades and of three pictures without a caption, one for each kind of model."""
    folder = tmp_path_factory.mktemp("explained")
    lines = ["file_name,text"]
    for n, colour in enumerate(["red", "green", "blue"] * 4):
        name = f"{colour}-{n // 3}.png"
        draw(folder / "pictures" / name, n)
        lines.append(f"{name},{colour}")
    for seed in range(3):
        draw(folder / "pictures" / f"bare-{seed}.png", 100 + seed)
    (folder / "pictures" / "metadata.csv").write_text("\n".join(lines))
    made = {}
    for model in MODELS:
        if model is Composer:
            made[model] = Collection.create(folder / "composer", recipe="compact")
        else:
            made[model] = Collection.create(folder / model.__name__, model(), load=model.load)
        made[model].add(folder / "pictures", options=ALONE)
    yield folder / "pictures", made
    for collection in made.values():
        collection.close()


def asked(pictures, *, image=None, text="", **options) -> SearchRequest:
    names = [image] if isinstance(image, str) else image or []
    if not (names and text):
        options.pop("balance", None)
    return SearchRequest.of([pictures / name for name in names], text, 20, with_self=True, **options)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(query=QUERIES)
def test_shares_add_up_to_the_score_of_every_answer(all_collections, model, query):
    pictures, collections = all_collections
    try:
        request = asked(pictures, **query)
        hits = collections[model].answer(request)
    except TwinlensError:  # a query without a side, or one whose parts cancel each other out
        return
    explained = collections[model].explain(request, [hit.id for hit in hits], hits=hits)
    assert [one.id for one in explained] == [hit.id for hit in hits]
    for hit, one in zip(hits, explained, strict=True):
        assert one.score == pytest.approx(hit.score, abs=1e-6)
        assert one.rank == hit.rank and one.unit == hits.unit
        assert sum(share.score for share in one.shares) == pytest.approx(hit.score, abs=1e-6)
        parts = [share.part for share in one.shares]
        assert parts == [part for part in PARTS if part in parts]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_the_terms_are_the_whole_score(all_collections, model):
    """Nothing is left to divide among the shares but rounding."""
    pictures, collections = all_collections
    collection = collections[model]
    session, generation = collection._session, collection.generation
    for options in ({}, {"balance": 0.8}, {"weights": [1, 2]}, {"without": "blue", "unlike": ["3"]}):
        request = asked(pictures, image="red-0.png", text="green", **options)
        plan, state = Plan.of(request, session.store, generation, collection.model), session.engine.sync(session.store)
        (query,) = embedded_queries([plan], session, state, generation, collection.model)
        _, vectors = collection.entries_with_vectors()
        summed = sum(term.score(vectors) for term in terms(query, collection.model)) + _bonus(query, vectors)
        assert summed == pytest.approx(query.scorer.scores(vectors), abs=1e-5)


def shares(collection, request, hits) -> dict[str, dict[str, float]]:
    explained = collection.explain(request, [hit.id for hit in hits], hits=hits)
    paths = {hit.id: hit.path.stem for hit in hits}
    return {paths[one.id]: {share.part: share.score for share in one.shares} for one in explained}


def test_sides_beside_each_other_have_a_share_each(all_collections):
    pictures, collections = all_collections
    request = asked(pictures, image="red-0.png", text="green", without="blue")
    found = shares(collections[SideBySide], request, collections[SideBySide].answer(request))
    assert set(found["green-1"]) == {"picture", "caption", "without"}
    assert set(found["bare-1"]) == {"picture"}  # it has no caption to compare
    assert max(found, key=lambda name: found[name]["picture"]) == "red-0"
    assert max(found, key=lambda name: found[name].get("caption", -9.0)).startswith("green")
    assert min(found, key=lambda name: found[name].get("without", 9.0)).startswith("blue")


def test_a_share_is_the_standardised_score_of_its_channel(all_collections):
    """By hand: one channel alone has the score of a search by that side, on another scale but in the same order."""
    pictures, collections = all_collections
    collection = collections[SideBySide]
    request = asked(pictures, image="red-0.png", text="green")
    found = shares(collection, request, collection.answer(request))
    alone = {hit.path.stem: hit.score for hit in collection.answer(asked(pictures, image="red-0.png"))}
    with_caption = sorted(name for name in found if not name.startswith("bare"))
    pairs = np.array([(found[name]["picture"], alone[name]) for name in with_caption])
    assert np.corrcoef(pairs.T)[0, 1] > 0.9999


def test_a_caption_that_repeats_the_words_has_a_share_for_it(all_collections):
    pictures, collections = all_collections
    request = asked(pictures, text="green")
    found = shares(collections[SideBySide], request, collections[SideBySide].answer(request))
    assert {name for name, parts in found.items() if parts.get("same words", 0) > 0} == {f"green-{n}" for n in range(4)}


def test_whole_vectors_have_a_share_for_each_vector_of_the_query(all_collections):
    pictures, collections = all_collections
    composed = asked(pictures, image="red-0.png", text="green")
    weighted = asked(pictures, image="red-0.png", text="green", weights=[1, 2], unlike=["3"])
    slid = asked(pictures, image="red-0.png", text="green", balance=0.2)
    for model in (MeanColor, Compared, Composer):
        wanted = ({"both"}, {"picture", "words", "unlike"}, {"picture", "both"})
        for request, parts in zip((composed, weighted, slid), wanted, strict=True):
            (one,) = collections[model].explain(request, ["2"])
            assert {share.part for share in one.shares} == parts


def test_channels_have_the_names_of_what_they_compare():
    image, crossed, text = channels_of_sides(8, 8, shared=True)
    _, names, _ = channels_of_sides(16, 8, named=8)
    assert [_part("both", one, (image, crossed, text)) for one in (image, crossed, text)] == [
        "picture",
        "words",
        "caption",
    ]
    assert _part("both", names, channels_of_sides(16, 8, named=8)) == "names"
    assert _part("both", Channel("both", slice(0, 8), slice(8, 16), 17), (image, text)) == "both"
    only = Channel("text", slice(0, 8), slice(8, 16), 16)
    assert [_part(name, only, (only,)) for name in ("picture", "words", "both", "unlike")] == [
        "picture",
        "words",
        "both",
        "unlike",
    ]


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), shared=st.booleans())
def test_directions_are_the_sum_of_those_of_their_channels(seed, shared):
    rng = np.random.default_rng(seed)
    channels = channels_of_sides(4, 4, shared=shared)
    sample = rng.normal(size=(30, 10)).astype(np.float32)
    sample[:, 8:] = 0
    sample[rng.random(30) < 0.4, 9] = 1
    calibration = Calibration(channels, sample, 30)
    directions, split = calibration.directions(sample[0]), calibration.by_channel(sample[0])
    assert directions is not None
    assert np.allclose(sum(part for _, part in split), directions)


def test_the_effect_of_a_word_is_the_score_less_that_without_it(all_collections):
    pictures, collections = all_collections
    request = asked(pictures, image="red-0.png", text="a green  thing,")
    for model in MODELS:
        (one,) = collections[model].explain(request, ["2"])
        assert [(effect.word, effect.where) for effect in one.words] == [
            ("a", "text"),
            ("green", "text"),
            ("thing,", "text"),
        ]
        (rest,) = collections[model].explain(asked(pictures, image="red-0.png", text="a thing,"), ["2"])
        assert one.words[1].effect == pytest.approx(one.score - rest.score, abs=1e-6)
        assert one.strongest(1)[0] == max(one.words, key=lambda word: abs(word.effect))


def test_words_of_negatives_count_too_and_the_only_word_where_something_else_is_left(all_collections):
    pictures, collections = all_collections
    (one,) = collections[SideBySide].explain(asked(pictures, text="green", without="red"), ["2"])
    assert [(effect.word, effect.where) for effect in one.words] == [("red", "without")]
    (one,) = collections[SideBySide].explain(asked(pictures, image="red-0.png", text="green", balance=0.7), ["2"])
    assert [effect.word for effect in one.words] == ["green"]


def test_words_beyond_the_limit_are_counted(all_collections):
    pictures, collections = all_collections
    many = " ".join(f"word{n}" for n in range(word_effects.MOST_WORDS + 5))
    (one,) = collections[MeanColor].explain(asked(pictures, text=many), ["2"])
    assert len(one.words) == word_effects.MOST_WORDS and one.unmeasured == 5


def test_an_entry_that_is_no_answer_has_no_rank(all_collections):
    _, collections = all_collections
    request = SearchRequest.of(None, "green", 1)
    first, other = collections[SideBySide].explain(request, [collections[SideBySide].answer(request)[0].id, "1"])
    assert first.rank == 1 and other.rank is None
    assert collections[SideBySide].explain(request, []) == []
    with pytest.raises(TwinlensError, match="no picture with the id"):
        collections[SideBySide].explain(request, ["999"])
    with pytest.raises(TwinlensError, match="SearchRequest"):
        collections[SideBySide].explain("green", ["1"])


def test_the_facts_of_a_reader_are_passed_on(all_collections):
    pictures, collections = all_collections
    request = asked(pictures, text="There is a black square", rerank="truth:5")
    hits = collections[Composer].answer(request)
    (one,) = collections[Composer].explain(request, [hits[0].id])
    assert one.why == hits[0].why and "truth" in one.why
    assert one.facts == tuple(one.why["truth"].get("facts", ()))


def test_a_record_is_plain_json(all_collections):
    pictures, collections = all_collections
    request = asked(pictures, image="red-0.png", text="a green one")
    for model in (SideBySide, Composer):
        (one,) = collections[model].explain(request, ["2"])
        record = json.loads(json.dumps(one.to_json()))
        assert record["id"] == "2" and {"part", "score"} == set(record["shares"][0])
        assert {"word", "effect", "where"} == set(record["words"][0])


def test_a_model_without_a_gate_says_so(all_collections):
    pictures, collections = all_collections
    (one,) = collections[SideBySide].explain(asked(pictures, image="red-0.png", text="green"), ["2"])
    assert one.gate is None and "no gate" in one.no_gate
    (one,) = collections[SideBySide].explain(asked(pictures, text="green"), ["2"])
    assert "no picture" in one.no_gate


def test_a_gate_is_shown_over_the_first_picture(all_collections):
    pictures, collections = all_collections
    (one,) = collections[Composer].explain(asked(pictures, image="red-0.png", text="a green one"), ["2"])
    assert (one.gate.rows, one.gate.columns, len(one.gate.values)) == (4, 16, 64)
    assert all(0 <= value <= 1 for value in one.gate.values) and one.no_gate is None
    (alone,) = collections[Composer].explain(asked(pictures, image="red-0.png"), ["2"])
    assert alone.gate.values != one.gate.values  # the words move it
