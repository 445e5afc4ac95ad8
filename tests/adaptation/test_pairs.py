from __future__ import annotations

import pytest

from twinlens.adaptation import pairs
from twinlens.adaptation.embedded_gallery import EmbeddedGallery, Frozen
from twinlens.adaptation.parts import PICTURE, grouped, near_duplicates
from twinlens.collection import Collection


@pytest.fixture(scope="module")
def known(captioned):
    with Collection.open(captioned.collection) as collection:
        yield EmbeddedGallery.of(collection)


def test_a_query_is_another_picture_with_the_wanted_ones_caption(known):
    near = near_duplicates(known)
    groups = grouped(known, near, PICTURE)
    ids = set(list(known.at)[:200])
    dataset = pairs.dataset(known, ids, near, groups, each=3, seed=0)
    by_path = {entry.path: str(entry.row) for entry in known.entries}
    captions = {str(entry.row): entry.caption for entry in known.entries}
    assert {entry.id for entry in dataset.gallery} == ids and not any(entry.text for entry in dataset.gallery)
    assert len({query.id for query in dataset.queries}) == len(dataset.queries) > 500
    for query in dataset.queries:
        target, own = query.id.rpartition("-")[0], by_path[query.image]
        assert own in ids and near[own] != near[target] and captions[own] != query.text == captions[target]
        assert target in dataset.relevant[query.id] and own in dataset.ignore[query.id]
        assert not dataset.relevant[query.id] & dataset.ignore[query.id]
        right = {i for i in ids if captions[i] == query.text or near[i] == near[target]}
        assert dataset.relevant[query.id] == right - dataset.ignore[query.id]
        assert dataset.groups[query.id] == groups[target]


def test_what_encoders_said_is_given_again(known):
    frozen = Frozen(known, ["a new text", known.entries[0].caption])
    assert frozen.text.shape[0] == len(known.entries) + 1
    entry = known.entries[3]
    prepared = frozen.prepare(known.sample(3, captioned=True))
    assert known.entries[int(prepared["text"])].caption == entry.caption and int(prepared["image"]) == 3
    assert int(frozen.prepare(known.sample(3))["text"]) == -1
