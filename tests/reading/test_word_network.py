"""The network of n-grams."""

from __future__ import annotations

import numpy as np

from twinlens.reading.words import WordNetwork, grams

NETWORK = WordNetwork(
    ("blue", "circle", "blue circle"),
    np.array([[10, 0], [0, 10], [-5, 20]], dtype=np.int8),
    np.array([0.1, 0.2], dtype=np.float32),
    np.array([0.5, -1.0], dtype=np.float32),
    np.array([[1, 2, 0], [0, 1, -1]], dtype=np.int8),
    np.array([1.0, 0.5, 2.0], dtype=np.float32),
)


def test_words_stand_in_the_form_of_the_grammar():
    assert grams("2 blue Circles")[:5] == ["<", "two", "blue", "circle", ">"]
    assert {"< two", "two blue circle", "two … circle"} <= set(grams("2 blue Circles"))
    assert "purple" in grams("A purple circle") and len(set(grams("a a a"))) == len(grams("a a a"))


def test_the_network_is_its_equation():
    features = np.array([5, 30]) * [0.1, 0.2] / np.sqrt(3)
    wanted = np.maximum(features + np.array([0.5, -1.0]), 0) @ [[1, 2, 0], [0, 1, -1]] * [1, 0.5, 2]
    np.testing.assert_allclose(NETWORK("blue circles"), wanted / np.linalg.norm(wanted), atol=1e-6)


def test_unknown_words_have_no_direction():
    assert NETWORK("two dogs").tolist() == [0, 0, 0]
