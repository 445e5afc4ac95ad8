"""Foils are wrong answers that one side of a query alone cannot tell from the right one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests import toy
from tests.evaluation.words import reading
from twinlens.core.types import Dataset, Sample
from twinlens.evaluation.judgements import Judgements
from twinlens.evaluation.words import choose, foils, wordings
from twinlens.evaluation.words.foils import MISSING, TOLERANCE, nearest_balanced


@pytest.fixture
def judgements():
    return Judgements.of(toy.edits())


def test_word_foils_are_as_alike_and_false_and_picture_foils_are_true_and_less_alike(judgements):
    found = choose(judgements, {}, reading.by(reading.reads), seed=0)
    assert len(found.queries) > 150 and len(found.gallery) == 27
    shown = [reading.tiles(entry.image) for entry in found.gallery]
    pairs = zip(found.queries, found.targets, found.word_foils, found.picture_foils, strict=True)
    for query, target, word_foil, picture_foil in pairs:
        own = reading.tiles(query.image)
        alike = [sum(a == b for a, b in zip(own, entry, strict=True)) for entry in shown]
        assert reading.reads(query.text, shown[target]) == 1 and alike[target] == 2
        assert alike[word_foil] == 2 and reading.reads(query.text, shown[word_foil]) == -1
        assert picture_foil == MISSING or (
            alike[picture_foil] < 2 and reading.reads(query.text, shown[picture_foil]) == 1
        )
    assert (found.picture_foils != MISSING).mean() > 0.9
    assert found.word_gaps.max() == 0 and np.nanmax(found.picture_gaps) == 0


def test_half_of_the_nearest_are_above_and_all_are_near():
    rng = np.random.default_rng(0)
    scores = rng.standard_normal((200, 300))
    targets = rng.integers(300, size=200)
    eligible = rng.random((200, 300)) < 0.5
    eligible[np.arange(200), targets] = False
    columns, gaps = nearest_balanced(scores, targets, eligible)
    found = np.flatnonzero(columns != MISSING)
    assert len(found) > 150 and np.isnan(gaps[columns == MISSING]).all()
    assert eligible[found, columns[found]].all() and gaps[found].max() <= TOLERANCE
    above = scores[found, columns[found]] > scores[found, targets[found]]
    assert above.sum() * 2 == len(found)
    for row in found:
        gap = scores[row] - scores[row, targets[row]]
        same_side = eligible[row] & (np.sign(gap) == np.sign(gap[columns[row]]))
        assert gaps[row] == abs(gap[same_side]).min()


def test_without_a_balance_there_are_none():
    scores = np.array([[0.0, -0.1, -0.2]] * 4)
    columns, gaps = nearest_balanced(scores, np.zeros(4, dtype=np.int64), np.ones((4, 3), dtype=bool) & (scores < 0))
    assert (columns == MISSING).all() and np.isnan(gaps).all()


def test_a_caption_with_all_the_words_is_no_foil(judgements):
    captions = {entry.id: "the left one is green" for entry in judgements.gallery}
    captions |= {entry.id: "make the left middle right tile red green blue" for entry in judgements.gallery[:13]}
    del captions[judgements.gallery[-1].id]
    found = choose(judgements, captions, reading.by(reading.reads), seed=0)
    ids = {found.gallery[column].id for column in found.word_foils}
    assert ids and ids <= {entry.id for entry in judgements.gallery[13:-1]}


def test_ignored_and_right_entries_are_no_foils():
    data = toy.edits()
    others = {query.id: frozenset(e.id for e in data.gallery) - data.relevant[query.id] for query in data.queries}
    with_ignored = replace(data, ignore={query: frozenset(sorted(ids)[:20]) for query, ids in others.items()})
    found = choose(Judgements.of(with_ignored), {}, reading.by(reading.reads), seed=0)
    for query, foil in zip(found.queries, found.word_foils, strict=True):
        assert found.gallery[foil].id not in with_ignored.ignore[query.id] | data.relevant[query.id]


def test_queries_and_candidates_are_drawn_by_the_seed(judgements, monkeypatch):
    monkeypatch.setattr(foils, "QUERIES", 40)
    monkeypatch.setattr(foils, "CANDIDATES", 9)
    monkeypatch.setattr(foils, "GALLERY", 1)
    score = reading.by(reading.reads)
    first, same, other = (choose(judgements, {}, score, seed=seed) for seed in (0, 0, 1))
    assert [q.id for q in first.queries] == [q.id for q in same.queries] != [q.id for q in other.queries]
    assert first.word_foils.tolist() == same.word_foils.tolist()
    assert 10 < len(first.queries) <= 40
    used = {*first.targets, *first.word_foils, *first.picture_foils} - {MISSING}
    assert used == set(range(len(first.gallery)))


def test_a_collection_of_one_kind_has_none():
    picture = toy.draw(("red", "red", "red"))
    gallery = tuple(Sample(str(n), picture) for n in range(4))
    data = Dataset((Sample("q", picture, "red"),), gallery, {"q": frozenset("0")})
    captions = dict.fromkeys("0123", "red")
    assert choose(Judgements.of(data), captions, lambda q, g: np.ones((len(q), len(g)), dtype=np.float32)).queries == ()


def test_words_ignore_case_and_punctuation():
    assert wordings.words_of("A red car, NOT blue!") == {"a", "red", "car", "not", "blue"}
    queries = [Sample(str(n), None, "a {brace}") for n in range(4)]
    texts = [query.text for query in wordings.reworded(queries, ("no {}", "{}, please", "x {}"))]
    assert texts == ["no a {brace}", "a {brace}, please", "x a {brace}", "no a {brace}"]
