"""Sentences drawn at random, and which of them are worth asking."""

from __future__ import annotations

import functools

import numpy as np

from twinlens.reading.table import Table
from twinlens.shapes.scenes import pick, random_scene
from twinlens.shapes.sentences.families import FAMILIES
from twinlens.shapes.sentences.grammar import Sentence, Speaker

INFORMATIVE = (0.01, 0.25)
"""The least and the largest share of random scenes of which an informative sentence is true."""
_SCENES = 500  # random scenes that such shares are measured on


def random_sentence(rng: np.random.Generator, family: str | None = None) -> Sentence:
    """Draw a sentence of a family, or of a random one; it may be true or false of any scene."""
    return FAMILIES[family or pick(rng, tuple(FAMILIES))](Speaker(rng))


def informative_sentences(rng: np.random.Generator, count: int) -> list[Sentence]:
    """Draw `count` different informative sentences, equally many of every family."""
    sentences: dict[str, Sentence] = {}  # by text
    names = tuple(FAMILIES)
    while len(sentences) < count:
        for name in rng.permutation(names).tolist():
            sentence = random_sentence(rng, name)
            if sentence.text not in sentences and is_informative(sentence):
                sentences[sentence.text] = sentence
    return list(sentences.values())[:count]


def is_informative(sentence: Sentence) -> bool:
    """Test that the sentence is true of neither too few nor too many random scenes (INFORMATIVE)."""
    fewest, most = INFORMATIVE
    return fewest <= share_true(sentence) <= most


def share_true(sentence: Sentence) -> float:
    """Return the share of random scenes of which the sentence is true."""
    return float(sentence.truths(_random_scenes()).mean())


@functools.cache
def _random_scenes() -> Table:
    rng = np.random.default_rng(0)
    return Table.of([random_scene(rng) for _ in range(_SCENES)])
