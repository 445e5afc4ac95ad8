"""How the local engine merges the answers of its parts, and takes the matrix file that others extend."""

from __future__ import annotations

from contextlib import closing

import numpy as np
import pytest

from tests.collection.engines.indexed import fill, synced
from tests.indexes.drawn import clustered
from tests.mean_color import DIM, MeanColor
from twinlens.collection import Collection
from twinlens.collection.engines import local
from twinlens.collection.engines.local import LocalEngine, merged
from twinlens.collection.store import Matrix, Store


def test_the_first_of_many_answers_are_those_of_few():
    # Apart by less than float32 tells, in another order than that of the rows.
    squares = 1.4378305 + 1e-9 * np.arange(6)[None]
    rows = np.array([[5, 3, 4, 0, 2, 1]])
    parts = [(rows[:, ::2], squares[:, ::2]), (rows[:, 1::2], squares[:, 1::2])]
    for k in range(1, 7):
        found, cosines = merged(parts, 1, k)
        assert found.tolist() == [rows[0, :k].tolist()]
        assert cosines.dtype == np.float32 and len(set(cosines[0].tolist())) == 1


def test_entries_at_one_distance_come_in_the_order_of_their_rows():
    parts = [(np.array([[9, 4]]), np.array([[0.5, 1.0]])), (np.array([[7, 2]]), np.array([[0.5, 1.0]]))]
    assert merged(parts, 1, 3)[0].tolist() == [[7, 9, 2]]


def test_no_parts_answer_nothing():
    assert merged([], 2, 3)[0].shape == (2, 0)


def test_a_matrix_file_that_another_process_extended_is_mapped_and_not_written_again(tmp_path, monkeypatch):
    Collection.create(folder := tmp_path / "c", MeanColor(), load=MeanColor.load).close()
    vectors = clustered(30, DIM)
    fill(folder, vectors[:20])
    with closing(Store.open(folder)) as store:
        engine = synced(store, LocalEngine())
        fill(folder, vectors[20:], 20)
        monkeypatch.setattr(local, "TAIL_ROWS", 9)
        monkeypatch.setattr(Matrix, "write", lambda *_: pytest.fail("it is written"))
        synced(store, engine)
        assert [len(block) for block in engine._synced.blocks] == [30]
        np.testing.assert_array_equal(engine.vectors(engine._synced.rows), vectors)
        engine.close()
