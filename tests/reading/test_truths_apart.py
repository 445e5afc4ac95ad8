"""Sentences drawn at random, with a truth that is computed apart from their meanings: what is read has the same."""

from __future__ import annotations

import numpy as np
import pytest

from twinlens.reading.grammar.parse import parse
from twinlens.shapes.scenes import random_scene

SENTENCES, SCENES = 250, 60
LEAST_READ = 0.15
"""Least share of the sentences of a kind that are read; pronouns with most numbers are left open."""
AMOUNTS = [
    ("no", lambda count: count == 0),
    ("a", lambda count: count >= 1),
    ("some", lambda count: count >= 1),
    ("two", lambda count: count == 2),
    ("exactly one", lambda count: count == 1),
    ("only 2", lambda count: count == 2),
    ("at least two", lambda count: count >= 2),
    ("at most one", lambda count: count <= 1),
    ("more than one", lambda count: count > 1),
    ("fewer than 3", lambda count: count < 3),
    ("no more than 2", lambda count: count <= 2),
    ("no fewer than two", lambda count: count >= 2),
    ("three or more", lambda count: count >= 3),
    ("1 or fewer", lambda count: count <= 1),
]
SIZES = {"small": 10, "medium": 20, "large": 30}


class Words:
    """Random words with their truth: amounts with tests of counts, nouns and qualities with tests of items."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)

    def pick(self, options):
        return options[int(self.rng.integers(len(options)))]

    def quality(self):
        word = self.pick(("yellow", "black", "blue", *SIZES))
        return word, lambda item: word == item.colour or SIZES.get(word) == item.size

    def noun(self):
        word = self.pick(("square", "circle", "triangle", "item"))
        return word, lambda item: word in ("item", item.shape)

    def name(self):
        (quality, has), (noun, of) = self.quality(), self.noun()
        return f"{quality} {noun}", lambda item: has(item) and of(item)


def counted(words):
    (amount, admits), (name, of) = words.pick(AMOUNTS), words.name()
    return f"{amount} {name}", lambda box: admits(sum(map(of, box)))


def two_elided(words, pattern):
    (n, first), (m, second) = words.pick(AMOUNTS), words.pick(AMOUNTS)
    (one, is_one), (other, is_other), (noun, of) = words.quality(), words.quality(), words.noun()

    def true(box):
        named = [item for item in box if of(item)]
        return first(sum(map(is_one, named))) and second(sum(map(is_other, named)))

    return pattern.format(n=n, one=one, m=m, other=other, noun=noun), true


def with_pronoun(words, relation, lies):
    (n, admits), (others, has) = words.pick(AMOUNTS), words.pick(AMOUNTS)
    (name, of), (other, of_other) = words.name(), words.name()

    def true(box):
        return admits(sum(of(item) and has(sum(of_other(o) and lies(o, item) for o in box)) for item in box))

    return f"{n} {name} with {others} {other} {relation} it", true


KINDS = {
    "counted": counted,
    "noun that follows": lambda words: two_elided(words, "{n} {one} and {m} {other} {noun}s"),
    "noun before": lambda words: two_elided(words, "{n} {one} {noun}s and {m} {other}"),
    "noun one": lambda words: two_elided(words, "{n} {one} {noun} and {m} {other} one"),
    "above it": lambda words: with_pronoun(words, "above", lambda upper, lower: upper.y + upper.size <= lower.y),
    "below it": lambda words: with_pronoun(words, "below", lambda lower, upper: upper.y + upper.size <= lower.y),
}
FRAMES = [
    ("There is a box with {}.", lambda true, boxes: any(map(true, boxes))),
    ("There are exactly two boxes with {}.", lambda true, boxes: sum(map(true, boxes)) == 2),
    ("There is no box with {}.", lambda true, boxes: not any(map(true, boxes))),
    ("Each box has {}.", lambda true, boxes: all(map(true, boxes))),
    ("None of the boxes has {}.", lambda true, boxes: not any(map(true, boxes))),
    ("Not all boxes have {}.", lambda true, boxes: not all(map(true, boxes))),
    ("At most one box has {}.", lambda true, boxes: sum(map(true, boxes)) <= 1),
]


@pytest.mark.parametrize("kind", KINDS)
def test_a_sentence_is_true_where_it_is_meant_to_be(kind):
    words, read = Words(list(kind.encode())), 0
    scenes = [random_scene(words.rng, items=(1, 6), tower_share=0.0).boxes for _ in range(SCENES)]
    for _ in range(SENTENCES):
        (frame, holds), (content, true) = words.pick(FRAMES), KINDS[kind](words)
        meaning = parse(frame.format(content))
        read += meaning is not None
        if meaning is not None:
            truths = [bool(holds(true, boxes)) for boxes in scenes]
            assert [meaning.true_of(boxes) for boxes in scenes] == truths, frame.format(content)
    assert read >= LEAST_READ * SENTENCES
