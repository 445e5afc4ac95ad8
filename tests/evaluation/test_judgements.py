from __future__ import annotations

import numpy as np
import pytest

from tests import toy
from twinlens.core.types import Dataset, Sample, TwinlensError
from twinlens.evaluation.judgements import Judgements


def test_a_dataset_without_answers_is_refused():
    picture = toy.draw(("red", "red", "red"))
    with pytest.raises(TwinlensError, match="no query of this dataset has an answer"):
        Judgements.of(Dataset((Sample("q", picture, "x"),), (Sample("g", picture),), {}))


def test_queries_without_an_answer_are_left_out():
    picture = toy.draw(("red", "red", "red"))
    queries = tuple(Sample(name, picture, "x") for name in ("answered", "unanswered", "ignored"))
    gallery = (Sample("a", picture), Sample("b", picture))
    right = frozenset("a")
    data = Dataset(queries, gallery, {"answered": right, "ignored": right}, ignore={"ignored": right})
    judgements = Judgements.of(data)
    assert [query.id for query in judgements.queries] == ["answered"] == list(judgements.groups)
    assert judgements.relevant.tolist() == [[True, False]]


def test_a_shared_group_or_a_shared_sentence_joins_queries():
    picture = toy.draw(("red", "red", "red"))
    texts = {"a": "Red", "b": "red", "c": "blue", "d": "green", "e": "", "f": ""}
    queries = tuple(Sample(name, picture, text) for name, text in texts.items())
    gallery = (Sample("x", picture), Sample("y", picture))
    data = Dataset(
        queries, gallery, dict.fromkeys(texts, frozenset("x")), groups={"b": "1", "c": "1", "d": "2", "e": "3"}
    )
    groups = dict(zip(texts, Judgements.of(data).groups, strict=True))
    assert groups["a"] == groups["b"] == groups["c"]
    assert len({groups[name] for name in "adef"}) == 4


def test_only_judged_entries_are_ranked_where_nothing_else_is_known():
    picture = toy.draw(("red", "red", "red"))
    queries = tuple(Sample(name, picture, name) for name in ("both", "only true"))
    gallery = tuple(Sample(name, picture) for name in "abcd")
    data = Dataset(
        queries,
        gallery,
        relevant={"both": frozenset("a"), "only true": frozenset("ab")},
        rejected={"both": frozenset("c")},
        judged_only=True,
    )
    judgements = Judgements.of(data)
    assert [query.id for query in judgements.queries] == ["both"]
    assert judgements.ignore.tolist() == [[False, True, False, True]]
    assert judgements.density().tolist() == [0.5]
    best_unjudged = np.array([[0.2, 0.9, 0.1, 0.8]], dtype=np.float32)
    assert judgements.per_query(best_unjudged)["hit@1"].tolist() == [1.0]


def test_queries_whose_every_entry_is_right_measure_nothing():
    picture = toy.draw(("red", "red", "red"))
    data = Dataset((Sample("q", picture, "x"),), (Sample("g", picture),), {"q": frozenset("g")})
    with pytest.raises(TwinlensError, match="no query has a wrong answer among the 1 entries"):
        Judgements.of(data)


def test_entries_without_siblings_match_nobody():
    picture = toy.draw(("red", "red", "red"))
    gallery = tuple(Sample(name, picture) for name in "abcd")
    data = Dataset(
        (Sample("q", picture, "x"),),
        gallery,
        {"q": frozenset("ac")},
        rejected={"q": frozenset("bd")},
        siblings={"a": "1", "b": "1"},
    )
    codes = Judgements.of(data).siblings
    assert codes[0] == codes[1] and len(set(codes.tolist())) == 3
    scores = np.array([[0.2, 0.1, 0.0, 0.9]], dtype=np.float32)
    assert Judgements.of(data).per_query(scores)["matched_accuracy"].tolist() == [1.0]
