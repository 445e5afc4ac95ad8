"""How the local engine merges the answers of its parts."""

from __future__ import annotations

import numpy as np

from twinlens.collection.engines.local import merged


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
