"""Referring expressions: enough of an item's colour, size, shape and box to tell it from all others."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from twinlens.reading.world import BOXES, SIZES, Item
from twinlens.shapes.changes import Place, at, places
from twinlens.shapes.scenes import Scene, pick

_SIZE_WORDS = {pixels: word for word, pixels in SIZES.items()}
_ATTRIBUTES = ("colour", "shape", "size", "box")
_SUBSETS = tuple(frozenset(chosen) for count in range(5) for chosen in combinations(_ATTRIBUTES, count))
_REDUNDANT_SHARE = 0.4  # of phrases, that may have more attributes than needed


def refer(rng: np.random.Generator, scene: Scene, place: Place) -> str | None:
    """Phrase a reference that fits this item alone ("the yellow square in the left box"), or None where none does.

    It has as few attributes as possible, or sometimes more than needed.
    """
    target = _traits(place, at(scene, place))
    others = [_traits(other, at(scene, other)) for other in places(scene) if other != place]
    unique = [names for names in _SUBSETS if not any(_same(target, other, names) for other in others)]
    if not unique:
        return None
    shortest = [chosen for chosen in unique if len(chosen) == len(unique[0])]
    chosen = pick(rng, unique if rng.random() < _REDUNDANT_SHARE else shortest)
    return _phrase(rng, target, chosen)


def a_new(shape: str, colour: str, size: int) -> str:
    """Phrase a new item: "a small black circle"."""
    return f"a {size_word(size)} {colour} {shape}"


def size_word(size: int) -> str:
    """Return the word for a size in pixels."""
    return _SIZE_WORDS[size]


def the_box(place: int) -> str:
    """Phrase a box by its place: "the left box"."""
    return f"the {BOXES[place]} box"


def _traits(place: Place, item: Item) -> dict[str, str]:
    return {"colour": item.colour, "shape": item.shape, "size": _SIZE_WORDS[item.size], "box": BOXES[place[0]]}


def _same(one: dict[str, str], other: dict[str, str], names: frozenset[str]) -> bool:
    return all(one[name] == other[name] for name in names)


def _phrase(rng: np.random.Generator, traits: dict[str, str], chosen: frozenset[str]) -> str:
    words = [traits[name] for name in ("size", "colour", "shape") if name in chosen]
    if "shape" not in chosen:
        words.append(pick(rng, ("item", "object")))
    where = f" {pick(rng, ('in', 'of'))} the {traits['box']} box" if "box" in chosen else ""
    return f"the {' '.join(words)}{where}"
