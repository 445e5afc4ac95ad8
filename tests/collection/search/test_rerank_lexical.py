"""The stage `lexical`: captions with the query's own words, by hand, by law, and in a collection."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinlens.collection.search.query import weights_of_vectors
from twinlens.collection.search.request import SearchRequest
from twinlens.collection.search.rerank import Candidate, lexical
from twinlens.collection.search.rerank.lexical import Lexical, words
from twinlens.collection.store import Entry
from twinlens.core.types import TwinlensError

CAPTIONS = ("Wooden windmills at a River", "a windmill at the sea", "a meadow", "", "a café at the sea")
SCORES = (0.0, 2.0, 1.0, 0.5, 1.5)


def candidates(captions=CAPTIONS, scores=SCORES):
    entries = [Entry(Path(f"/{n}.png"), b"", 1, 1, caption, row=n) for n, caption in enumerate(captions)]
    return [Candidate(entry, score, np.zeros(2, np.float32)) for entry, score in zip(entries, scores, strict=True)]


def order(request, given=None, **options):
    return [one.entry.row for one in Lexical(**options).rerank(request, candidates() if given is None else given)]


def test_the_scores_are_those_of_the_formula():
    """Of N = 5 captions one has "river", two have "sea": shares of their idf, times three deviations of the scores."""
    idf = {n: math.log(1 + (5 - n + 0.5) / (n + 0.5)) for n in (1, 2)}
    river, sea = (idf[n] / (idf[1] + idf[2]) for n in (1, 2))
    gained = np.array([river, sea, 0, 0, sea])
    expected = np.argsort(-(np.array(SCORES) + 3 * np.std(SCORES) * gained), kind="stable").tolist()
    assert order(SearchRequest(texts=("river, SEA",))) == expected == [1, 4, 0, 2, 3]
    assert order(SearchRequest(texts=("river",))) == [0, 1, 4, 2, 3]


def test_the_reason_is_the_words_that_a_caption_has():
    ranked = Lexical().rerank(SearchRequest(texts=("Beside a river", "CAFÉ")), candidates())
    reasons = {one.entry.row: one.why.get("lexical") for one in ranked}
    assert reasons[0] == {"caption_has": ["river"]} and reasons[4] == {"caption_has": ["café"]}
    assert reasons[1] is reasons[3] is None  # more than half of the captions have "a"


def test_a_word_is_one_in_every_script_and_however_its_accents_are_written():
    assert words("Cafe\u0301, ZU\u0308RICH") == words("café zürich") == {"café", "zürich"}
    assert words("हिन्दी किताब") == {"हिन्दी", "किताब"}
    assert words("lake_1: it's ♥\ufe0f") == {"lake", "1", "it", "s"}


def test_a_word_that_captions_lack_takes_from_what_the_others_gain():
    assert order(SearchRequest(texts=("river",)), weight=1.2)[0] == 1
    assert order(SearchRequest(texts=("river",)), weight=3.0)[0] == 0
    assert order(SearchRequest(texts=("something river like this",)), weight=3.0)[0] == 1


def test_texts_count_by_their_weights_and_against_a_caption_in_without():
    picture = Path("a.png")
    both = {"images": (picture,), "texts": ("river",)}
    assert order(SearchRequest(**both))[0] == 0
    assert order(SearchRequest(**both, balance=1.0))[0] == 0 and order(SearchRequest(**both, balance=0.1))[0] == 1
    assert order(SearchRequest(**both, weights=(1.0, 1.0)))[0] == 0
    assert order(SearchRequest(**both, weights=(1.0, 0.1)))[0] == 1
    assert order(SearchRequest(images=(picture,), without=("sea",)))[0] == 2
    assert order(SearchRequest(images=(picture,), without=("sea",), negative_weight=0.1))[0] == 1


@pytest.mark.parametrize("each", [None, 0.2])
def test_negatives_count_as_in_the_search(each):
    request = SearchRequest(texts=("river",), without=("sea", "boat", "dog"), unlike=("1",), negative_weight=each)
    assert [text.weight for text in lexical._texts(request)][1:] == weights_of_vectors(request, 1)[1:4]


@pytest.mark.parametrize(
    "request_",
    [
        SearchRequest(images=(Path("a.png"),)),
        SearchRequest(images=(Path("a.png"),), texts=("river",), balance=0.0),
        SearchRequest(images=(Path("a.png"),), texts=("river",), weights=(1.0, 0.0)),
    ],
)
def test_it_has_nothing_to_say_to_a_query_whose_words_do_not_count(request_):
    assert not Lexical().applies(request_) and Lexical().applies(
        replace(request_, texts=("river",), weights=None, balance=None)
    )


def test_candidates_come_back_as_they_were_where_no_caption_has_a_word():
    given = candidates()
    for text in ("dolphin", "!?", "a"):
        assert all(a is b for a, b in zip(Lexical().rerank(SearchRequest(texts=(text,)), given), given, strict=True))


@pytest.mark.parametrize("weight", [-1, math.nan, math.inf])
def test_a_wrong_weight_is_one_line(weight):
    with pytest.raises(TwinlensError, match="weight must be 0 or more"):
        Lexical(weight=weight)


TEXTS = st.text(alphabet="ab É,", max_size=8)


@given(st.lists(st.tuples(TEXTS, st.floats(-3, 3)), min_size=1, max_size=8), TEXTS.filter(str.strip))
def test_no_candidate_is_lost_and_a_word_more_never_costs_a_place(entries, text):
    """A candidate with the better score and all words that another has stays before it."""
    captions, scores = zip(*sorted(entries, key=lambda entry: -entry[1]), strict=True)
    ranked = order(SearchRequest(texts=(text,)), candidates(captions, scores))
    assert sorted(ranked) == list(range(len(captions)))
    place = {row: n for n, row in enumerate(ranked)}
    has = [words(text) & words(caption) for caption in captions]
    assert all(place[a] < place[b] for a in place for b in place if has[a] >= has[b] and scores[a] > scores[b] + 1e-9)


def test_a_collection_is_searched_with_it_and_says_why(collection):
    plain = collection.search(text="red", k=20)
    found = collection.search(text="red", k=20, rerank="lexical:20")
    assert {hit.sample.id for hit in found} == {hit.sample.id for hit in plain}
    has = ["red" in words(hit.sample.text) for hit in found]
    assert any(has) and has == sorted(has, reverse=True)
    assert [hit.why.get("lexical") for hit, one in zip(found, has, strict=True) if one] == [
        {"caption_has": ["red"]}
    ] * sum(has)
    assert found.seconds is not None


def test_a_search_that_it_has_nothing_to_say_to_is_one_without_it(collection):
    picture = collection.search(text="red", k=1)[0].sample.image
    for query in ({"image": picture}, {"text": "wonderful"}):
        with_it, without = (collection.search(**query, k=5, rerank=stage) for stage in ("lexical", None))
        assert with_it == without and with_it.seconds is None and not any(hit.why for hit in with_it)
