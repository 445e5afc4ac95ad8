from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinlens import splits
from twinlens.core.types import Dataset, Sample, TwinlensError
from twinlens.datasets import nlvr
from twinlens.splits import connect

REAL = Path(__file__).resolve().parents[2] / "shared" / "data" / "nlvr"
needs_real = pytest.mark.skipif(not REAL.is_dir(), reason=f"the NLVR pictures are not at {REAL}")

GROUPS = st.dictionaries(st.text(min_size=1, max_size=4), st.integers(0, 6).map(str), min_size=2, max_size=60).filter(
    lambda groups: len(set(groups.values())) > 1
)


def world(scenes=30) -> Dataset:
    """Scenes of two pictures each; scene n says sentence n // 3, and the scenes of a sentence are a group."""
    gallery = tuple(Sample(f"{n}-{k}", None, f"Sentence {n // 3}") for n in range(scenes) for k in "ab")
    number = {entry.id: int(entry.id[:-2]) for entry in gallery}
    return Dataset(
        queries=gallery,
        gallery=gallery,
        relevant={i: frozenset(j for j in number if number[j] // 3 == n // 3 and j != i) for i, n in number.items()},
        ignore={i: frozenset({f"{n}-a", f"{n}-b"}) for i, n in number.items()},
        rejected={i: frozenset(j for j in number if number[j] // 3 == n // 3 + 1) for i, n in number.items()},
        groups={i: str(n // 3) for i, n in number.items()},
        siblings={i: f"items {n}" for i, n in number.items()},
    )


@given(GROUPS, st.floats(0.05, 0.95), st.integers(0, 99))
def test_a_part_of_the_groups_is_held_out(groups, share, seed):
    held = splits.split_groups(groups, share, seed)
    assert held and held < set(groups.values())
    assert held == splits.split_groups(groups, share, seed)
    sizes = Counter(groups.values())
    assert len(held) == 1 or sum(sizes[name] for name in held) <= share * len(groups)


def test_the_share_is_met_where_groups_are_small():
    groups = {str(n): str(n // 4) for n in range(1000)}
    held = splits.split_groups(groups, 0.2, 0)
    assert len(held) == 50
    assert held != splits.split_groups(groups, 0.2, 1)


def test_one_group_cannot_be_split():
    with pytest.raises(TwinlensError, match="at least two groups"):
        splits.split_groups({"a": "x", "b": "x"}, 0.5, 0)


@pytest.mark.parametrize("seed", range(3))
def test_hold_out_leaves_nothing_on_both_sides(seed):
    data = world()
    train, validation = splits.hold_out(data, 0.2, seed)
    assert set(train.groups.values()).isdisjoint(validation.groups.values())
    assert len(train.gallery) + len(validation.gallery) == 60 and len(validation.gallery) == 12
    for side in (train, validation):
        inside = {entry.id for entry in side.gallery}
        assert {query.id for query in side.queries} == set(side.groups) == set(side.siblings) == inside
        for sets in (side.relevant, side.ignore, side.rejected):
            assert sets.keys() == inside and all(ids <= inside for ids in sets.values())
        assert all(side.relevant[i] == data.relevant[i] for i in inside)


def test_a_query_without_its_answer_is_left_out():
    gallery = tuple(Sample(i, None) for i in "abc")
    queries = tuple(Sample(f"q{i}", None) for i in "abc")
    data = Dataset(queries, gallery, {"qa": frozenset("a"), "qb": frozenset("b"), "qc": frozenset()})
    kept = splits.restrict(data, {"qa", "qb", "qc", "a"})
    assert [query.id for query in kept.queries] == ["qa", "qc"]
    assert kept.relevant == {"qa": frozenset("a"), "qc": frozenset()}
    assert [query.id for query in splits.restrict(data, {"qc"}).queries] == ["qc"]


def test_gallery_entries_without_a_group_stand_on_both_sides():
    gallery = (Sample("shared", None),)
    queries = tuple(Sample(f"q{n}", None) for n in range(10))
    data = Dataset(queries, gallery, {query.id: frozenset({"shared"}) for query in queries})
    train, validation = splits.hold_out(data, 0.3, 0)
    assert train.gallery == validation.gallery == gallery
    assert (len(train.queries), len(validation.queries)) == (7, 3)


def test_a_side_without_queries_is_refused():
    samples = tuple(Sample(i, None) for i in "ab")
    data = Dataset(samples[:1], samples, {"a": frozenset("a")}, groups={"a": "1", "b": "2"})
    with pytest.raises(TwinlensError, match="too few queries"):
        splits.hold_out(data, 0.5, 0)


@pytest.mark.parametrize("split", [splits.random_split, splits.leak_free_split])
def test_splits_cover_the_gallery_once_in_its_order(split):
    data = world()
    ids = [entry.id for entry in data.gallery]
    train, test = split(data, 0)
    assert sorted([*train, *test]) == sorted(ids) and len(test) == 12
    assert list(train) == [i for i in ids if i in set(train)] and list(test) == [i for i in ids if i in set(test)]
    assert split(data, 0) == (train, test) != split(data, 1)
    assert len(split(data, 0, share=0.5).test) == 30


def test_the_leak_is_measured():
    data = world()
    assert splits.measure_leak(data, *splits.leak_free_split(data, 0)) == dict.fromkeys(
        ("sibling", "sentence", "group"), 0.0
    )
    assert splits.measure_leak(data, ["0-a", "3-a"], ["0-b", "1-a", "4-a", "9-a"]) == {
        "sibling": 0.25,
        "sentence": 0.75,
        "group": 0.75,
    }
    assert splits.measure_leak(data, ["0-a"], []) == dict.fromkeys(("sibling", "sentence", "group"), 0.0)


def test_the_entry_itself_is_no_sibling():
    assert splits.measure_leak(world(), ["0-a"], ["0-a"])["sibling"] == 0


def test_labels_are_sentences_and_items():
    data = world()
    sentences, items = splits.labels(data, data.gallery)
    number = np.array([int(entry.id[:-2]) for entry in data.gallery])
    assert np.array_equal(sentences, number // 3) and np.array_equal(items, number)
    shouted = splits.labels(data, [Sample("0-a", None, "SENTENCE 0"), Sample("1-a", None, "sentence 0")])
    assert shouted.sentences.tolist() == [0, 0]
    alone = splits.labels(Dataset((), (), {}), [Sample("a", None), Sample("b", None)])
    assert alone.items.tolist() == [0, 1]


@needs_real
def test_the_leak_of_nlvr():
    data = nlvr.load(REAL, "dev", protocol="paper")
    random = splits.measure_leak(data, *splits.random_split(data, 0))
    assert random["sibling"] > 0.999 and random["sentence"] > 0.999
    split = splits.leak_free_split(data, 0)
    assert splits.measure_leak(data, *split) == dict.fromkeys(("sibling", "sentence", "group"), 0.0)
    assert len(split.test) == pytest.approx(0.2 * 5934, rel=0.02)
    sides = [{data.siblings[entry] for entry in side} for side in split]
    assert sides[0].isdisjoint(sides[1])
    train, validation = splits.hold_out(nlvr.load(REAL, "dev"), 0.1, 0)
    assert len(validation.queries) > 30 and len(train.queries) > 400
    assert {query.text.casefold() for query in train.queries}.isdisjoint(q.text.casefold() for q in validation.queries)


def test_entries_are_joined_through_others():
    groups = connect({"a": [1], "b": [2], "c": [2, 1], "d": [3], "e": []})
    assert groups == {"a": "a", "b": "a", "c": "a", "d": "d", "e": "e"}


def test_nothing_to_group():
    assert connect({}) == {}


@given(st.dictionaries(st.text(max_size=3), st.lists(st.integers(0, 8), max_size=4), max_size=12))
def test_groups_are_the_finest_that_keep_sharers_together(keys):
    groups = connect(keys)
    assert groups.keys() == keys.keys()
    for a in keys:
        for b in keys:
            if set(keys[a]) & set(keys[b]):
                assert groups[a] == groups[b]
    for name in set(groups.values()):  # no group falls into two halves that share nothing
        members = [entry for entry in keys if groups[entry] == name]
        reached, seen = set(keys[members[0]]), {members[0]}
        while more := [m for m in members if m not in seen and reached & set(keys[m])]:
            seen.update(more)
            reached.update(*(keys[m] for m in more))
        assert seen == set(members)
