from __future__ import annotations

from itertools import combinations, permutations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scene_notation import of_nlvr, scene

from twinlens.core.types import TwinlensError
from twinlens.datasets import nlvr
from twinlens.reading.world import BOX
from twinlens.shapes.scenes import fits, item_boxes, random_scene, scatter_scene, tower, tower_scene

NLVR = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "nlvr"
seeds = st.integers(0, 2**32)


@given(seeds, st.integers(1, 8), st.integers(0, 7))
def test_scattered_items_lie_inside_and_keep_off_each_other(seed, fewest, more):
    most = min(8, fewest + more)
    drawn = scatter_scene(np.random.default_rng(seed), items=(fewest, most))
    for box in drawn.boxes:
        assert fewest <= len(box) <= most
        assert all(0 <= item.x <= BOX - item.size and 0 <= item.y <= BOX - item.size for item in box)
        assert all(one.keeps_off(other) for one, other in combinations(box, 2))


@given(seeds)
def test_a_seed_gives_one_scene(seed):
    assert random_scene(np.random.default_rng(seed)) == random_scene(np.random.default_rng(seed))


def test_items_touch_all_four_edges_about_as_often():
    rng = np.random.default_rng(0)
    items = [item for _ in range(500) for _, item in scatter_scene(rng).items()]
    shares = [
        np.mean([item.x == 0 for item in items]),
        np.mean([item.x + item.size == BOX for item in items]),
        np.mean([item.y == 0 for item in items]),
        np.mean([item.y + item.size == BOX for item in items]),
    ]
    assert min(shares) > 0.08
    assert max(shares) < 0.16


@pytest.mark.parametrize("items", [(0, 3), (4, 2), (1, 9)])
def test_impossible_numbers_of_items_are_refused(items):
    with pytest.raises(TwinlensError, match="1 to 8 items"):
        scatter_scene(np.random.default_rng(0), items=items)


def test_towers_stand_where_nlvr_has_them():
    drawn = tower_scene(np.random.default_rng(1))
    assert drawn.is_towers
    assert [item.y for item in tower(["yellow", "black", "blue", "blue"])] == [80, 59, 38, 17]
    assert all(fits(one, [other]) for box in drawn.boxes for one, other in combinations(box, 2))


def test_scattered_squares_are_no_tower():
    assert not scene("ys20@40,80", "tower y", "ys20@41,80").is_towers
    assert not scene("tower yk", "tower y", "").is_towers


def test_about_three_scenes_in_ten_are_towers():
    rng = np.random.default_rng(0)
    assert 0.25 < np.mean([random_scene(rng).is_towers for _ in range(400)]) < 0.35
    assert not random_scene(rng, tower_share=0.0).is_towers


def test_items_of_a_box_have_no_order():
    one = scene("ys20@0,0 kc10@50,50", "bt30@5,5")
    other = scene("kc10@50,50 ys20@0,0", "bt30@5,5")
    assert one == other
    assert hash(one) == hash(other)
    assert one.digest(ordered=True) == other.digest(ordered=True)


def test_the_digest_ignores_the_order_of_boxes_unless_told():
    drawn = scene("ys20@0,0", "kc10@50,50", "bt30@5,5")
    turned = [drawn.reordered(order) for order in permutations(range(3))]
    assert len({one.digest() for one in turned}) == 1
    assert len({one.digest(ordered=True) for one in turned}) == 6
    assert drawn.digest() != scene("ys20@0,0", "kc10@50,50", "bt30@5,6").digest()


def test_item_boxes_are_in_pixels_of_the_picture():
    drawn = scene("ys20@1,2", "", "kc10@50,60")
    assert item_boxes(drawn) == [("yellow square", 1, 2, 21, 22), ("black circle", 350, 60, 360, 70)]


@pytest.mark.skipif(not NLVR.is_dir(), reason="NLVR is not in shared/data beside the repository")
@pytest.mark.parametrize("split", ["dev", "test"])
def test_seven_scenes_of_nlvr_in_ten_are_towers(split):
    scenes = [of_nlvr(row) for row in nlvr.rows(NLVR, split)]
    assert sum(one.is_towers for one in scenes) / len(scenes) == pytest.approx(0.7, abs=0.03)
