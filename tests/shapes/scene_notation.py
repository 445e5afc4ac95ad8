"""Scenes in short, for hand-made examples: one string per box, items such as "ys20@40,80".

Colour (y, k, b: yellow, black, blue), shape (s, c, t), size in pixels, and the left upper corner in the box. A tower
is told from its base: "tower yyb".
"""

from __future__ import annotations

import re

from twinlens.datasets import nlvr
from twinlens.reading.world import Item
from twinlens.shapes.scenes import Box, Scene, tower

COLOURS = {"y": "yellow", "k": "black", "b": "blue"}
SHAPES = {"s": "square", "c": "circle", "t": "triangle"}
ITEM = re.compile(r"([ykb])([sct])(10|20|30)@(\d+),(\d+)")


def scene(left: str, middle: str = "", right: str = "") -> Scene:
    return Scene((_box(left), _box(middle), _box(right)))


def of_nlvr(row: nlvr.Row) -> Scene:
    """The scene of an annotated row of NLVR."""
    colours = {"yellow": "yellow", "black": "black", "#0099ff": "blue"}
    left, middle, right = (
        tuple(Item(item.shape, colours[item.color.lower()], item.size, item.x, item.y) for item in box)
        for box in row.boxes
    )
    return Scene((left, middle, right))


def _box(text: str) -> Box:
    if text.startswith("tower "):
        return tower(COLOURS[letter] for letter in text.removeprefix("tower "))
    return tuple(_item(word) for word in text.split())


def _item(word: str) -> Item:
    found = ITEM.fullmatch(word)
    assert found, f"{word} is not an item"
    colour, shape, size, x, y = found.groups()
    return Item(SHAPES[shape], COLOURS[colour], int(size), int(x), int(y))
