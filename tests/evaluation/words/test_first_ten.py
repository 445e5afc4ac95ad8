"""The change of the first ten: 0 for the side that is not looked at, nearly 1 for the one that decides alone."""

from __future__ import annotations

import zlib

import numpy as np
import pytest

from twinlens.core.types import Sample
from twinlens.evaluation.words import COMMON, measure_change
from twinlens.metrics import top

GALLERY = [Sample(f"p{n}", (lambda: None), f"caption {n}") for n in range(300)]


def random_row(key: str) -> np.ndarray:
    return np.random.default_rng(zlib.crc32(key.encode())).random(len(GALLERY))


def by_words(queries, gallery):
    return np.array([random_row(query.text) for query in queries], dtype=np.float32)


def by_picture(queries, gallery):
    return np.array([random_row(query.id) for query in queries], dtype=np.float32)


@pytest.mark.parametrize(
    ("score", "still", "moves"),
    [(by_picture, "words_swapped", "picture_swapped"), (by_words, "picture_swapped", "words_swapped")],
)
def test_one_side_alone_changes_nothing_or_nearly_all(score, still, moves):
    found = measure_change(score, GALLERY, COMMON, {}, seed=3)
    assert found["queries"] == 200
    assert found[still]["mean"] == 0 and found[still]["ci95"] == [0, 0]
    assert 0.93 < found[moves]["ci95"][0] < found[moves]["mean"] < found[moves]["ci95"][1] < 0.99


def test_both_sides_change_a_part_each():
    found = measure_change(lambda q, g: by_words(q, g) + by_picture(q, g), GALLERY, COMMON, {})
    assert all(0.5 < found[name]["mean"] < 0.95 for name in ("words_swapped", "picture_swapped"))


def test_the_pictures_asked_with_are_no_answers():
    def own_first(queries, gallery):
        return np.array([[e.id == q.id for e in gallery] for q in queries], dtype=np.float32)

    found = measure_change(own_first, GALLERY, ["a", "b"], {})
    assert found["picture_swapped"]["mean"] == found["words_swapped"]["mean"] == 0


def test_every_swap_is_to_another_text_and_the_seed_draws():
    asked = []

    def score(queries, gallery):
        asked.append(queries)
        return by_words(queries, gallery)

    for seed in (0, 0, 1):
        measure_change(score, GALLERY, ["a", "b", "a"], {}, seed=seed)
    own, swapped, pictures = np.array_split(np.array([query.text for query in asked[0]]), 3)
    assert (own != swapped).all() and (own == pictures).all()
    ids = [[query.id for query in queries] for queries in asked]
    assert ids[0] == ids[1] != ids[2] and len({*ids[0][:200]}) == 200


def test_groups_are_drawn_as_a_whole():
    one = measure_change(by_words, GALLERY, COMMON, {entry.id: "one" for entry in GALLERY})
    assert one["words_swapped"]["ci95"] is None


def test_the_distance_is_jaccards():
    lists = [top(by_words([Sample("", None, text)], GALLERY), 10)[0] for text in ("a", "b")]
    shared = len({*lists[0]} & {*lists[1]})
    found = measure_change(by_words, GALLERY, ["a", "b"], {})
    assert found["words_swapped"]["mean"] == pytest.approx(1 - shared / (20 - shared), abs=0.05)
