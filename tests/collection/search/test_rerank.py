"""Reranking: the stage over the first n, and every listed reranker's promises."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests import checkpoints
from twinlens.collection.search.request import SearchRequest
from twinlens.collection.search.rerank import Candidate, Reranker
from twinlens.collection.search.rerank.diverse import Diverse
from twinlens.collection.store import Entry
from twinlens.core import variants
from twinlens.core.types import TwinlensError

REQUEST = SearchRequest(texts=("red",))


def candidates(vectors, scores):
    captions = ["a blue box", "a red box"] * len(scores)
    entries = [Entry(Path(f"/{n}.png"), b"", 1, 1, captions[n], row=n + 1) for n in range(len(scores))]
    return [Candidate(*parts) for parts in zip(entries, scores, np.asarray(vectors, dtype=np.float32), strict=True)]


@pytest.mark.parametrize("name", variants.names("collection.search.rerank"))
def test_every_reranker_returns_its_candidates_with_reasons(name, tmp_path):
    options = {"match": lambda: {"checkpoint": checkpoints.vilt(tmp_path)}}.get(name, dict)()
    reranker = variants.make("collection.search.rerank", name, **options)
    assert isinstance(reranker, Reranker)
    given = candidates(np.random.default_rng(0).standard_normal((9, 4)), np.linspace(1, 0, 9).tolist())
    ranked = reranker.rerank(REQUEST, given)
    assert sorted(c.entry.row for c in ranked) == list(range(1, 10))
    told = {candidate.entry.row for candidate in ranked if name in candidate.why}
    assert told == ({2, 4, 6, 8} if name == "lexical" else set(range(1, 10)))  # whose captions have the word
    assert list(reranker.rerank(REQUEST, [])) == []


def test_a_near_duplicate_of_the_best_comes_after_something_else():
    given = candidates([[1, 0], [1, 0.01], [0, 1], [-1, 0]], [1.0, 0.9, 0.8, 0.0])
    assert [c.entry.row for c in Diverse().rerank(REQUEST, given)] == [1, 3, 2, 4]
    assert [c.entry.row for c in Diverse(balance=1).rerank(REQUEST, given)] == [1, 2, 3, 4]
    with pytest.raises(TwinlensError, match="from 0 to 1"):
        Diverse(balance=2)


def test_a_search_reranks_the_first_n_and_says_why(collection):
    plain = collection.search(text="red", k=12)
    first = collection.search(text="red", k=4, rerank="diverse:8")
    assert len(first) == 4 and {hit.sample.id for hit in first} <= {hit.sample.id for hit in plain[:8]}
    assert first[0].sample.id == plain[0].sample.id and [hit.rank for hit in first] == [1, 2, 3, 4]
    assert all("diverse" in hit.why for hit in first) and not any(hit.why for hit in plain)
    nearest = [hit.why["diverse"]["nearest_before"] for hit in first]
    assert nearest[0] == 0 and min(nearest[1:]) > 0.5


@pytest.mark.parametrize("stage", ["diverse:4", "lexical:4"])
def test_pages_of_answers_fit_each_other(collection, stage):
    plain, every = (collection.search(text="red", k=12, rerank=rerank) for rerank in (None, stage))
    ids = [hit.sample.id for hit in every]
    assert set(ids[:4]) == {hit.sample.id for hit in plain[:4]} and ids[4:] == [hit.sample.id for hit in plain[4:]]
    for k in (1, 3, 5, 9):
        assert [hit.sample.id for hit in collection.search(text="red", k=k, rerank=stage)] == ids[:k]


@pytest.mark.parametrize(
    ("rerank", "line"),
    [("diverse:x", "NAME or NAME:N"), ("diverse:0", "NAME or NAME:N"), ("dverse", "unknown .* 'dverse'.*diverse")],
)
def test_a_stage_that_is_not_there_is_one_line(collection, rerank, line):
    with pytest.raises(TwinlensError, match=line):
        collection.search(text="red", rerank=rerank)
