from __future__ import annotations

import pickle
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest

from twinlens.core.types import Dataset, TwinlensError
from twinlens.datasets import shapes
from twinlens.shapes.scenes import Scene
from twinlens.shapes.worlds import World, split_of
from twinlens.splits import hold_out

SMALL = 40


@pytest.fixture(scope="module", params=shapes.PROTOCOLS)
def dataset(request: pytest.FixtureRequest) -> Dataset:
    return shapes.load(split="test", protocol=request.param, scenes=SMALL)


def scene_of(sample) -> Scene:
    return sample.image.args[0]


def by_id(dataset: Dataset) -> dict[str, Scene]:
    return {entry.id: scene_of(entry) for entry in dataset.gallery}


def edits(dataset: Dataset):
    return [query for query in dataset.queries if query.id.startswith("edits-")]


def grounded(dataset: Dataset):
    return [query for query in dataset.queries if query.id.startswith("grounded-")]


def test_ids_are_known_and_used_once(dataset):
    entries = [entry.id for entry in dataset.gallery]
    assert len(set(entries)) == len(entries)
    assert len({query.id for query in dataset.queries}) == len(dataset.queries) > 0
    for known in (dataset.relevant, dataset.ignore, dataset.rejected):
        assert all(ids <= set(entries) for ids in known.values())
        assert known.keys() <= {query.id for query in dataset.queries}
    assert dataset.groups.keys() >= {*entries, *(query.id for query in dataset.queries)}


def test_every_query_has_an_answer_that_is_neither_rejected_nor_the_whole_of_what_is_ignored(dataset):
    for query in dataset.queries:
        relevant = dataset.relevant[query.id]
        assert relevant - dataset.ignore.get(query.id, frozenset())
        assert not relevant & dataset.rejected.get(query.id, frozenset())


def test_pictures_are_drawn_late_and_travel(dataset):
    sample = pickle.loads(pickle.dumps(dataset.queries[0]))
    assert sample.image().size == (400, 100)
    assert sample.text


def test_the_same_arguments_give_the_same_dataset():
    options = {"split": "val", "protocol": "all", "scenes": 20}
    assert repr(shapes.load(**options)) == repr(shapes.load(**options))
    assert repr(shapes.load(**options)) != repr(shapes.load(**options, seed=1))


@pytest.mark.parametrize("protocol", shapes.PROTOCOLS)
def test_splits_share_no_scene_in_whatever_order_of_boxes(protocol):
    seen: Counter[str] = Counter()
    for split in shapes.SPLITS:
        loaded = shapes.load(split=split, protocol=protocol, scenes=60)
        seen.update({scene_of(entry).digest() for entry in loaded.gallery})
    assert max(seen.values()) == 1


@pytest.mark.parametrize("split", shapes.SPLITS)
def test_scenes_belong_to_their_split_and_differ(split):
    scenes = World(split, seed=5).scenes(60)
    assert {split_of(scene) for scene in scenes} == {split}
    assert len({scene.digest() for scene in scenes}) == 60
    assert scenes == World(split, seed=5).scenes(60)


def test_the_number_of_items_is_an_option():
    loaded = shapes.load(split="val", protocol="paper", scenes=30, items=(1, 1))
    scenes = [scene_of(entry) for entry in loaded.gallery]
    assert all(len(box) == 1 for scene in scenes if not scene.is_towers for box in scene.boxes)
    assert not all(scene.is_towers for scene in scenes)


def test_grounded_queries_are_judged_by_their_sentences():
    dataset = shapes.load(split="train", scenes=SMALL)
    pictures, texts = by_id(dataset), {query.text for query in dataset.queries}
    statements = World("train").statements(SMALL, 2)
    sentences = {statement.sentence.text: statement.sentence for statement in statements}
    assert texts <= sentences.keys()
    for query in dataset.queries:
        sentence, own = sentences[query.text], scene_of(query)
        assert sentence.holds(own)
        assert dataset.ignore[query.id] == {entry for entry, s in pictures.items() if s.digest() == own.digest()}
        answers = {entry for entry, scene in pictures.items() if sentence.holds(scene)}
        assert dataset.relevant[query.id] == answers - dataset.ignore[query.id]
        assert not answers & dataset.rejected[query.id]
        assert len(dataset.rejected[query.id]) <= shapes.REJECTED
    assert all(entry.text == "" for entry in dataset.gallery)


def test_near_scenes_that_make_a_sentence_false_are_rejected():
    statements = World("train").statements(SMALL, 2)
    dataset = shapes.load(split="train", scenes=SMALL)
    names = {scene: entry for entry, scene in by_id(dataset).items()}
    rejected = {(scene_of(query), query.text): dataset.rejected[query.id] for query in dataset.queries}
    broken = 0
    for statement in statements:
        false = {names[near] for near in statement.near if not statement.sentence.holds(near)}
        assert false <= rejected.get((statement.scene, statement.sentence.text), false)
        broken += bool(false)
    assert broken > 0.8 * len(statements)


def test_near_scenes_are_not_right_for_looking_alike():
    near = defaultdict(set)
    statements = World("train").statements(4 * SMALL, 2)
    for statement in statements:
        near[statement.scene].update(statement.near)
    true = [s.sentence.holds(scene) for s in statements for scene in near[s.scene]]
    assert 0.02 < np.mean(true) < 0.3


def test_edits_have_one_target_among_hard_distractors():
    dataset = shapes.load(split="train", protocol="edits", scenes=SMALL, texts=3)
    pictures = by_id(dataset)
    assert len(dataset.queries) > 2.8 * SMALL
    for query in dataset.queries:
        (target,) = dataset.relevant[query.id]
        assert len(dataset.rejected[query.id]) >= 4
        assert scene_of(query) in {pictures[entry] for entry in dataset.rejected[query.id]}
        assert scene_of(query) != pictures[target]
        assert query.id not in dataset.ignore
        assert {dataset.groups[entry] for entry in dataset.rejected[query.id] | {target}} == {dataset.groups[query.id]}


def test_all_asks_both_kinds_of_one_gallery():
    dataset = shapes.load(split="val", protocol="all", scenes=SMALL)
    assert len(grounded(dataset)) + len(edits(dataset)) == len(dataset.queries)
    assert min(len(grounded(dataset)), len(edits(dataset))) > SMALL / 2
    pictures = by_id(dataset)
    for_edits = frozenset().union(*(dataset.relevant[query.id] for query in edits(dataset)))
    for_sentences = frozenset().union(*(dataset.relevant[query.id] for query in grounded(dataset)))
    assert len(set(pictures.values())) == len(pictures)
    assert for_edits & for_sentences


def test_the_order_of_the_gallery_tells_nothing():
    dataset = shapes.load(split="val", protocol="edits", scenes=SMALL)
    entries = [entry.id for entry in dataset.gallery]
    assert entries == sorted(entries)
    places = [entries.index(next(iter(ids))) / len(entries) for ids in dataset.relevant.values()]
    assert 0.4 < np.mean(places) < 0.6


def test_paper_has_four_scenes_of_a_sentence_in_six_orders():
    dataset = shapes.load(split="train", protocol="paper", scenes=120)
    assert dataset.queries == dataset.gallery
    assert len(dataset.queries) > 0.8 * 6 * 120
    assert set(Counter(query.text for query in dataset.queries).values()) == {24}
    for query in dataset.queries:
        assert len(dataset.relevant[query.id]) == 23
        own = dataset.ignore[query.id]
        assert len(own) % 6 == 0
        assert query.id in own
        assert own == {entry for entry, items in dataset.siblings.items() if items == dataset.siblings[query.id]}
        assert len({dataset.groups[entry] for entry in dataset.relevant[query.id] | own}) == 1
    assert 1 < len(set(dataset.groups.values())) <= len({query.text for query in dataset.queries})


def test_siblings_show_the_same_items_wherever_they_stand():
    dataset = shapes.load(split="train", protocol="paper", scenes=120)
    items = {}
    for entry in dataset.gallery:
        shown = Counter((item.shape, item.colour, item.size) for _, item in scene_of(entry).items())
        assert items.setdefault(dataset.siblings[entry.id], shown) == shown
    assert len({repr(sorted(shown.items())) for shown in items.values()}) == len(items)


def test_two_of_the_four_scenes_are_false():
    for presentation in World("train").presentations(60):
        assert [presentation.sentence.holds(scene) for scene in presentation.scenes] == [True, True, False, False]
        assert len({scene.is_towers for scene in presentation.scenes}) == 1


@pytest.mark.parametrize("protocol", ["grounded", "edits", "all"])
def test_a_validation_part_can_be_held_out_by_groups(protocol):
    train, validation = hold_out(shapes.load(split="train", protocol=protocol, scenes=60), share=0.2, seed=0)
    assert train.queries
    assert validation.queries
    digests = [{scene_of(entry).digest() for entry in part.gallery} for part in (train, validation)]
    assert not digests[0] & digests[1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"split": "dev"}, "known: train, val, test"),
        ({"protocol": "benchmark"}, "known: grounded, edits, all, paper"),
        ({"root": Path("somewhere")}, "leave the folder out"),
        ({"scenes": 0}, "at least one scene"),
        ({"items": (3, 1)}, "1 to 8 items"),
    ],
)
def test_wrong_options_are_named(options, message):
    with pytest.raises(TwinlensError, match=message):
        shapes.load(**options)


def test_scenes_are_drawn_as_those_of_nlvr_where_asked():
    loaded = shapes.load(split="val", scenes=60, items=(1, 7), towers=0.7, texts=1)
    drawn = [scene_of(query) for query in loaded.queries]
    assert 0.5 < np.mean([scene.is_towers for scene in drawn]) < 0.9
    assert max(len(box) for scene in drawn for box in scene.boxes) > 4
    assert not any(scene_of(q).is_towers for q in shapes.load(split="val", scenes=20, towers=0.0).queries)
    with pytest.raises(TwinlensError, match="towers is a share of the scenes"):
        shapes.load(towers=1.5)
