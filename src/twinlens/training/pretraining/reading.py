"""The model `reading`: facts of drawn scenes, their projections, and a network for sentences that are not read."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import cast

import numpy as np

from twinlens.core.recipe import Recipe, find_recipe
from twinlens.encoders.facts import Facts
from twinlens.models.composer import Composer
from twinlens.reading.drawing import VALUES, random_meaning
from twinlens.reading.facts import FactSpace, different
from twinlens.reading.meanings import AtEdge, Count, Is, Kind, Meaning, Number, Over
from twinlens.reading.meanings.conditions import EDGES
from twinlens.reading.table import Table
from twinlens.shapes.scenes import NLVR_ITEMS, NLVR_TOWER_SHARE
from twinlens.shapes.worlds import World
from twinlens.training.pretraining import sentences

SCENES = 8192
"""Drawn scenes that the projections are fitted on."""
CHOICE_SCENES = 1500
"""Drawn scenes on which facts must differ."""


def make(
    recipe: Recipe | None = None,
    *,
    scenes: int = SCENES,
    steps: int = sentences.STEPS,
    count: int = sentences.SENTENCES,
    seed: int = 0,
    progress: bool = True,
) -> Composer:
    """Fit the facts to drawn scenes and train the network."""
    composer = Composer.build(recipe or find_recipe("reading"), seed=seed)
    encoder = cast(Facts, composer.encoders[0])
    space = fit_space(encoder, scenes, seed)
    settings = sentences.Settings(steps, count, encoder.sizes)
    encoder.adopt(space, sentences.train(settings, seed=seed, progress=progress))
    return composer.eval()


def fit_space(encoder: Facts, scenes: int, seed: int) -> FactSpace:
    """Draw facts and scenes of the sizes of an encoder, and fit the projections."""
    rng = np.random.default_rng([seed, *b"reading"])
    drawn = World("train", seed, NLVR_ITEMS, NLVR_TOWER_SHARE).scenes(scenes)
    few = Table.of(drawn[:CHOICE_SCENES])
    facts, width = encoder.get_buffer("picture_axes").shape
    box_facts, box_width = encoder.get_buffer("box_axes").shape
    picture = different(lambda: random_meaning(rng), few, facts)
    candidates = statements_of_a_box()
    box = different(lambda: next(candidates), few.boxes_alone, box_facts)
    keep = len(encoder.get_buffer("scenes"))
    return FactSpace.fit(picture, box, Table.of(drawn), width=width, box_width=box_width, keep=keep)


def statements_of_a_box() -> Iterator[Meaning]:
    """Yield the statements that a box may hold: kinds of items, how many, at which edges, and over which others."""
    kinds = [
        Kind(tuple(Is(name, value) for name, value in zip(VALUES, values, strict=True) if value))
        for values in product(*(("", *options) for options in VALUES.values()))
    ]
    simple = [kind for kind in kinds if len(kind.conditions) < 3]
    yield from (Count(kind, Number(1)) for kind in kinds)
    yield from (Count(kind.that(AtEdge(edge)), Number(1)) for edge in EDGES for kind in simple)
    yield from (Count(kind, Number(least)) for least in range(2, 8) for kind in simple)
    yield from (Count(one.that(Over(other)), Number(1)) for one in simple for other in simple)
