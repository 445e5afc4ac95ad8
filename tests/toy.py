"""A world small enough to learn in seconds: three coloured tiles, and edits that recolour one of them."""

from __future__ import annotations

import functools
import itertools
import os

import numpy as np
from PIL import Image

from twinlens.core.recipe import Recipe
from twinlens.core.types import Dataset, Sample

COLOURS = {"red": (230, 40, 40), "green": (40, 200, 80), "blue": (40, 80, 230)}
PLACES = ("left", "middle", "right")
Tiles = tuple[str, str, str]

RECIPE = """
name = "toy"
dim = 24
[[encoders]]
name = "visualbert"
layers = 1
dim = 24
heads = 2
vocabulary = 150
max_tokens = 10
[encoders.visual]
name = "patches"
dim = 24
height = 10
width = 30
patch = 10
[fusion]
name = "gate"
cells = [1, 3]
[training]
epochs = 2
batch_size = 16
learning_rate = 0.003
rejected_per_query = 2
validation = 0.2
"""


def recipe(**training: object) -> Recipe:
    """The toy recipe, with other training settings."""
    parsed = Recipe.parse(RECIPE, source="toy")
    training = {"precision": os.environ.get("TWINLENS_TEST_PRECISION", "float32"), **training}
    return parsed.model_copy(update={"training": parsed.training.model_copy(update=training)})


def draw(tiles: Tiles) -> Image.Image:
    """Three tiles of 10×10 pixels side by side."""
    row = np.repeat([COLOURS[tile] for tile in tiles], 10, axis=0)
    return Image.fromarray(np.broadcast_to(row, (10, 30, 3)).astype(np.uint8))


def recoloured(tiles: Tiles, place: int, colour: str) -> Tiles:
    """The same with one tile in another colour."""
    left, middle, right = (colour if n == place else tile for n, tile in enumerate(tiles))
    return left, middle, right


def edits() -> Dataset:
    """Every recolouring of every picture: 27 pictures, 162 queries, one answer each; every query is a group."""
    worlds: list[Tiles] = [(a, b, c) for a, b, c in itertools.product(COLOURS, repeat=3)]
    names = {tiles: "-".join(tiles) for tiles in worlds}
    queries, relevant, rejected = [], {}, {}
    for tiles, place, colour in itertools.product(worlds, range(3), COLOURS):
        if tiles[place] != colour:
            query = f"{names[tiles]}:{place}:{colour}"
            queries.append(Sample(query, functools.partial(draw, tiles), f"make the {PLACES[place]} tile {colour}"))
            answer = names[recoloured(tiles, place, colour)]
            relevant[query] = frozenset([answer])
            rejected[query] = frozenset(names[w] for w in _near(tiles)) - {answer}
    gallery = tuple(Sample(name, functools.partial(draw, tiles)) for tiles, name in names.items())
    groups = {query.id: query.id for query in queries}
    return Dataset(tuple(queries), gallery, relevant, {}, groups, rejected)


def _near(tiles: Tiles) -> list[Tiles]:
    return [recoloured(tiles, place, colour) for place in range(3) for colour in COLOURS]
