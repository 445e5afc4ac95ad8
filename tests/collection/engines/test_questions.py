"""Searches that are drawn from a collection: by the sides of its entries, and along several blocks at once."""

from __future__ import annotations

from contextlib import closing

import numpy as np
import pytest

from tests.collection.engines.indexed import KINDS, built, fill, truth
from tests.indexes.drawn import clustered, recall
from tests.mean_color import MeanColor
from twinlens.calibration import Calibration, channels_of_sides
from twinlens.collection import Collection
from twinlens.collection.engines import _building
from twinlens.collection.engines._questions import drawn
from twinlens.collection.store import Store
from twinlens.indexes import hnsw, ivf

pytest.importorskip("faiss")
CHANNELS = channels_of_sides(10, 8)


@pytest.fixture(autouse=True)
def small(monkeypatch):
    for module in (_building, ivf, hnsw):
        monkeypatch.setattr(module, "MIN_ROWS", 100)


def two_sided(count, seed):
    """Vectors [picture; text; a; b] of entries, a third of which lack their text."""
    rng = np.random.default_rng(seed)
    vectors = np.hstack([clustered(count, 10, seed=seed), clustered(count, 8, seed=seed + 1)]) / np.sqrt(2)
    without = rng.random(count) < 1 / 3
    vectors[without, 10:] = 0
    vectors = np.hstack([vectors, np.zeros((count, 1)), without[:, None] / np.sqrt(2)])
    return vectors.astype(np.float32)


@pytest.mark.parametrize("kind", KINDS)
def test_directions_over_several_blocks_reach_the_recall_too(tmp_path, kind):
    Collection.create(tmp_path / "c", MeanColor(), load=MeanColor.load).close()
    vectors = two_sided(1000, 0)
    fill(tmp_path / "c", vectors)
    with closing(Store.open(tmp_path / "c")) as store:
        engine = built(store, kind, recall=0.95, channels=lambda: CHANNELS)
        assert set(engine._indexed.index.measured) == {
            *("entries", "beside entries", "pictures", "words", "pictures and words"),
            *(["new entries"] if kind == "hnsw" else []),
        }
        assert engine.recall >= 0.95
        calibration = Calibration(CHANNELS, vectors, len(vectors))
        shares = []
        for query in two_sided(60, 7):
            queries = calibration.separated(calibration.directions(query))
            shares.append(recall(engine.search(queries, 18)[0], truth(store, queries, 18)[0]))
        assert np.mean(shares) > 0.9


def test_searches_are_drawn_by_the_sides_that_entries_have():
    found = drawn(CHANNELS, two_sided(300, 3), seed=0, count=90)
    assert len(found["pictures"]) == 90 and 40 < len(found["words"]) == len(found["pictures and words"]) < 90
    for question in found["words"]:
        assert np.allclose(np.linalg.norm(question.queries, axis=1), 1) and question.queries.shape == (2, 20)
    assert set(drawn((), clustered(50, 8), seed=0)) == {"composed"}
    blank = np.zeros((40, 20), dtype=np.float32)
    blank[:, :10], blank[:, 19] = clustered(40, 10) / np.sqrt(2), 1 / np.sqrt(2)
    assert set(drawn(CHANNELS, blank, seed=0)) == {"pictures"}
