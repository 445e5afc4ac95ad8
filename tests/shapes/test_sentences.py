"""Every family against hand-made scenes: `wanted` is a pattern of the texts that mean the same."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scene_notation import scene

from twinlens.shapes.scenes import random_scene
from twinlens.shapes.sentences import (
    FAMILIES,
    INFORMATIVE,
    Table,
    informative_sentences,
    random_sentence,
    truths,
)

A_BOX = r"(There is (a|at least one) (box|grey box|grey square) with|At least one (box|grey box|grey square) has)"
A_TOWER = r"(There is (a|at least one) tower with|At least one tower has)"
EXACTLY_TWO = r"(exactly|only) (two|2)"
ONE = r"(a|at least one|at least 1)"
SCATTER = scene("ys20@0,40 kc10@50,50", "yc30@10,10 bs10@60,60", "ks20@30,30 bt20@60,60")
TOWERS = scene("tower yyk", "tower b", "tower kby")

EXAMPLES = {
    "count": (rf"\w+ (are|picture shows) {EXACTLY_TWO} squares", scene("ys20@0,0", "", "bs10@5,5 kc10@50,5"), SCATTER),
    "sized": (rf".* {ONE} small black circle", SCATTER, scene("kc20@0,0", "ys10@0,0", "kt10@0,0")),
    "absent": (r"There (is no|are no) blue (circle|circles)", SCATTER, scene("bc10@0,0")),
    "touching_edge": (rf"There is {ONE} yellow square touching.*", SCATTER, scene("ys20@1,1 kc10@0,50")),
    "touching_corner": (rf"There is {ONE} circle .*corner.*", scene("kc10@90,0"), scene("kc10@89,0 ys10@0,0")),
    "touching_side": (rf"There is {ONE} square .*bottom.*", scene("ks20@1,80"), scene("ks20@0,79 kc10@50,90")),
    "not_touching": (rf"There are {EXACTLY_TWO} squares (not|away).*", SCATTER, scene("ks20@5,5 ys20@50,80")),
    "all_touching": (r"\w+ circles? .*", scene("yc10@0,5 kc10@90,1 ys10@50,50"), scene("yc10@0,5 kc10@50,50")),
    "none_touching": (r".*triangles .*", SCATTER, scene("yt10@5,5 kt10@0,50")),
    "all_coloured": (r"\w+ triangles? (are|is) blue", SCATTER, scene("bt10@0,0", "kt10@0,0")),
    "all_shaped": (r"\w+ blue (items|objects|item|object) (are|is a) circles?", scene("bc10@0,0 ys10@50,5"), SCATTER),
    "all_sized": (r"\w+ triangles? (are|is) medium", SCATTER, scene("bt20@0,0", "kt10@0,0")),
    "compared": (r"There are (more squares than triangles|fewer triangles than squares)", SCATTER, scene("bt10@0,0")),
    "together": (r".* squares .*", scene("ks10@0,0 ys20@50,50", "kc10@0,0"), SCATTER),
    "spread": (r".*(There are squares in|Squares appear in) only one box", scene("ks10@0,0 ys10@50,5"), SCATTER),
    "some_box": (rf"{A_BOX} {EXACTLY_TWO} squares", scene("ks10@0,0 ys10@50,5 kc10@0,90"), SCATTER),
    "n_boxes": (rf"Exactly (two|2) \S+( box| square)?e?s? have {ONE} circle", SCATTER, scene("kc10@0,0 yc10@50,5")),
    "each_box": (
        rf"\w+ (grey )?(box|square) (has|contains) {ONE} square",
        SCATTER,
        scene("ks10@0,0", "ks10@0,0", "kt10@0,0"),
    ),
    "no_box": (rf".* {EXACTLY_TWO} squares", SCATTER, scene("ks10@0,0 ys10@50,5")),
    "box_size": (rf"{A_BOX} (exactly|only) (three|3) (items|objects)", scene("ks10@0,0 ys10@50,5 bc10@90,9"), SCATTER),
    "box_colours": (rf"{A_BOX} items of all three colours", scene("ks10@0,0 ys10@50,5 bc10@90,9"), SCATTER),
    "box_shapes": (rf"{A_BOX} items of all three shapes", scene("ks10@0,0 yc10@50,5 bt10@90,9"), SCATTER),
    "box_only": (
        rf"{A_BOX} (only yellow \w+|yellow \w+ only|nothing but yellow \w+)",
        scene("yc10@0,0 ys10@9,50"),
        SCATTER,
    ),
    "box_alike": (rf"{A_BOX} .* (same|share their) colour", scene("yc10@0,0 ys10@9,50"), SCATTER),
    "box_pair": (rf"{A_BOX} .*yellow square and .*black circle", SCATTER, scene("ys10@0,0", "kc10@0,0")),
    "box_above": (
        rf"{A_BOX} a circle (above|higher than) a square",
        SCATTER,
        scene("kc10@0,15 ks20@50,20", "kc10@0,0"),
    ),
    "box_wall": (rf"{A_BOX} {ONE} square touching.*", SCATTER, scene("ks10@1,1 kc10@0,50")),
    "box_size_and_item": (rf"{A_BOX} exactly (two|2) items, .* a blue triangle", SCATTER, scene("bt10@0,0")),
    "blocks": (rf"There are {EXACTLY_TWO} black blocks", TOWERS, scene("ks20@40,80 ks20@40,59 yc10@0,0", "ks20@0,0")),
    "tower_heights": (
        r"All towers (differ in|have different).*|No two.*",
        scene("tower y", "tower kk", "tower bbb"),
        TOWERS,
    ),
    "tower_height": (rf"{A_TOWER} (exactly|only) (three|3) blocks", TOWERS, scene("tower yy", "tower k", "tower kkkk")),
    "tower_blocks": (rf"{A_TOWER} {EXACTLY_TWO} yellow blocks", TOWERS, scene("tower yk", "tower yyy", "tower b")),
    "tower_top": (rf"{A_TOWER} a yellow .*", TOWERS, scene("tower yk", "tower b", "tower yyb")),
    "tower_base": (rf"{A_TOWER} a yellow .*", TOWERS, scene("tower ky", "tower b", "tower byy")),
    "tower_second": (rf"{A_TOWER} a yellow .*second.*", TOWERS, scene("tower yky", "tower y", "tower bb")),
    "tower_colours": (rf"{A_TOWER} blocks of all three colours", TOWERS, scene("tower yyk", "tower b", "tower kbk")),
    "tower_only": (
        rf"{A_TOWER} (only blue \w+|blue \w+ only|nothing but blue \w+)",
        TOWERS,
        scene("tower by", "tower y", "tower k"),
    ),
    "tower_stacked": (
        rf"{A_TOWER} a yellow block (directly above|right on).* blue block",
        TOWERS,
        scene("tower yb", "tower bky", "tower y"),
    ),
    "tower_height_and_end": (
        rf"{A_TOWER} (exactly )?(three|3) blocks and a yellow (block at the top|top)",
        TOWERS,
        scene("tower yyb", "tower y", "tower yyyy"),
    ),
}


def find(family: str, wanted: str):
    rng = np.random.default_rng(0)
    for _ in range(200_000):
        sentence = random_sentence(rng, family)
        if re.fullmatch(wanted, sentence.text.removesuffix(".")):
            return sentence
    raise AssertionError(f"no {family} sentence looks like {wanted}")


def test_every_family_has_an_example():
    assert EXAMPLES.keys() == FAMILIES.keys()
    assert len(FAMILIES) >= 15


@pytest.mark.parametrize("family", EXAMPLES)
def test_a_sentence_means_what_it_says(family):
    wanted, true, false = EXAMPLES[family]
    sentence = find(family, wanted)
    assert sentence.family == family
    assert sentence.holds(true), sentence.text
    assert not sentence.holds(false), sentence.text


def test_all_of_nothing_is_not_claimed():
    assert not find("all_coloured", r"All triangles are blue").holds(scene("ks10@0,0"))
    assert not find("all_touching", r"All circles are touching the edge").holds(scene("ks10@0,0"))
    assert not find("tower_top", r"(Each|Every) tower \w+ a blue .*").holds(SCATTER)
    assert not find("tower_top", r"None of the towers has a blue .*").holds(SCATTER)


def test_at_most_admits_none():
    at_most_one = find("count", r"There is at most (one|1) triangle")
    assert at_most_one.holds(scene("ks10@0,0"))
    assert at_most_one.holds(scene("kt10@0,0"))
    assert not at_most_one.holds(scene("kt10@0,0", "kt10@0,0"))


def test_exactly_two_boxes_are_not_three():
    sentence = find("n_boxes", rf"Exactly (two|2) \S+( box| square)?e?s? have {ONE} circle")
    assert not sentence.holds(scene("kc10@0,0", "kc10@0,0", "kc10@0,0"))
    assert not sentence.holds(scene("kc10@0,0"))


def test_each_tower_quantifies_over_towers_alone():
    sentence = find("tower_top", r"(Each|Every) tower \w+ a blue .*")
    assert sentence.holds(scene("tower yb", "tower b", "tower kb"))
    assert not sentence.holds(scene("tower yb", "tower b", "tower k"))


def test_a_tower_with_something_beside_it_is_no_tower():
    table = Table.of([scene("tower yyk", "ys20@40,80 yc10@0,0", "ys20@40,59"), scene("")])
    assert table.height.tolist() == [[3, 0, 0], [0, 0, 0]]
    assert sorted(table.level[0, 0].tolist()) == [1, 2, 3]
    assert table.level[0, 1:].max() == 0


@given(st.integers(0, 2**32), st.permutations(range(3)))
def test_no_sentence_depends_on_the_order_of_boxes(seed, order):
    rng = np.random.default_rng(seed)
    drawn, sentence = random_scene(rng), random_sentence(rng)
    assert sentence.holds(drawn) == sentence.holds(drawn.reordered(order))


def test_many_scenes_at_once_are_judged_as_one_by_one():
    rng = np.random.default_rng(3)
    scenes = [scene(""), *(random_scene(rng, items=(1, 8)) for _ in range(30))]
    sentences = [random_sentence(rng, family) for family in FAMILIES for _ in range(3)]
    table = truths(sentences, Table.of(scenes))
    assert table.shape == (len(sentences), len(scenes))
    assert table.tolist() == [[sentence.holds(one) for one in scenes] for sentence in sentences]
    assert (table[:, 10:20] == truths(sentences, Table.of(scenes).part(slice(10, 20)))).all()


def test_equal_texts_mean_the_same():
    rng = np.random.default_rng(4)
    table = Table.of([random_scene(rng) for _ in range(200)])
    known: dict[str, bytes] = {}
    for _ in range(4000):
        sentence = random_sentence(rng)
        meaning = sentence.truths(table).tobytes()
        assert known.setdefault(sentence.text, meaning) == meaning, sentence.text
    assert len(known) < 4000


def test_informative_sentences_differ_and_come_from_all_families():
    sentences = informative_sentences(np.random.default_rng(0), 600)
    assert len({sentence.text for sentence in sentences}) == 600
    assert {sentence.family for sentence in sentences} == FAMILIES.keys()
    rng = np.random.default_rng(7)
    shares = truths(sentences, Table.of([random_scene(rng) for _ in range(1000)])).mean(axis=1)
    assert shares.max() < 2 * INFORMATIVE[1]
    assert np.median(shares) > INFORMATIVE[0]


def test_texts_are_tidy_and_vary():
    rng = np.random.default_rng(5)
    for family in FAMILIES:
        texts = {random_sentence(rng, family).text for _ in range(200)}
        assert len(texts) > 5
        assert all(re.fullmatch(r"[A-Z0-9]\w*( [\w,]+)*\.", text) for text in texts), texts
        assert not any(re.search(r"\ba [aeiou]|\b(one|1) \w+ (boxes|towers|items)\b", text) for text in texts)
