"""Scenes in short, for hand-made examples: one string per box, items such as "ys20@40,80".

Colour (y, k, b: yellow, black, blue), shape (s, c, t), size in pixels, and the left upper corner in the box. A tower is
told from its base: "tower yyb".
"""

from __future__ import annotations

from twinlens.reading.world import BLOCK, BOX, TOWER_X, Item

COLOURS = {"y": "yellow", "k": "black", "b": "blue"}
SHAPES = {"s": "square", "c": "circle", "t": "triangle"}


def scene(left: str, middle: str = "", right: str = "") -> tuple[tuple[Item, ...], ...]:
    return tuple(box(text) for text in (left, middle, right))


def box(text: str) -> tuple[Item, ...]:
    if text.startswith("tower "):
        colours = enumerate(text.removeprefix("tower "), 1)
        return tuple(Item("square", COLOURS[c], BLOCK, TOWER_X, BOX + 1 - (BLOCK + 1) * level) for level, c in colours)
    return tuple(item(word) for word in text.split())


def item(word: str) -> Item:
    kind, _, place = word.partition("@")
    x, y = place.split(",")
    return Item(SHAPES[kind[1]], COLOURS[kind[0]], int(kind[2:]), int(x), int(y))
