"""A dataset: pictures of two coloured tiles, and sentences that change one of them. It is drawn on the spot."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from twinlens.core.types import Dataset, Sample

PROTOCOLS = ("edits",)
SPLITS = ("train", "val", "test")
METRICS = ("hit@1", "map", "grounding_accuracy")
COLOURS = {"red": (200, 60, 60), "green": (60, 180, 60), "blue": (60, 60, 200), "yellow": (220, 200, 60)}
Tiles = tuple[str, str]
"""The colours of the left and of the right tile."""


def load(root: Path | None, split: str = "test", *, protocol: str = "edits", scenes: int = 200) -> Dataset:  # noqa: ARG001
    """Draw `scenes` queries, each a picture and a sentence, and two pictures for each: as it says, and not."""
    rng = np.random.default_rng(SPLITS.index(split))
    queries, gallery = [], []
    wanted, shown, rejected = dict[str, Tiles](), dict[str, Tiles](), dict[str, frozenset[str]]()
    for scene in map(str, range(scenes)):
        left, right, new, wrong = rng.permutation([*COLOURS])
        side = rng.choice(["left", "right"])
        edited = [(colour, right) if side == "left" else (left, colour) for colour in (new, wrong)]
        shown |= {f"{scene}-right": edited[0], f"{scene}-wrong": edited[1]}
        queries.append(Sample(f"{scene}-query", picture((left, right), rng), f"make the {side} tile {new}"))
        gallery += [Sample(entry, picture(shown[entry], rng)) for entry in (f"{scene}-right", f"{scene}-wrong")]
        wanted[f"{scene}-query"], rejected[f"{scene}-query"] = edited[0], frozenset({f"{scene}-wrong"})
    relevant = {query: frozenset(entry for entry in shown if shown[entry] == tiles) for query, tiles in wanted.items()}
    groups = {name: name.partition("-")[0] for name in (*wanted, *shown)}  # a scene stays on one side of a split
    return Dataset(tuple(queries), tuple(gallery), relevant, rejected=rejected, groups=groups)


def picture(tiles: Tiles, rng: np.random.Generator) -> partial[Image.Image]:
    """Return the function that draws two tiles, in shades of their colours that hardly two pictures share."""
    return partial(draw, *(tuple(np.array(COLOURS[name]) + rng.integers(-30, 31, 3)) for name in tiles))


def draw(left: tuple[int, ...], right: tuple[int, ...]) -> Image.Image:
    """Draw two tiles beside each other."""
    drawn = Image.new("RGB", (64, 32), left)
    drawn.paste(right, (32, 0, 64, 32))
    return drawn
