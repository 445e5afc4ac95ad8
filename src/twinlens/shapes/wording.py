"""How an edit speaks of an item: by just enough of its colour, size, shape and box to tell it from all others."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from twinlens.shapes.changes import Place, at, places
from twinlens.shapes.scenes import BOXES, SIZES, Item, Scene, pick

_SIZE_WORDS = {pixels: word for word, pixels in SIZES.items()}
_ATTRIBUTES = ("colour", "shape", "size", "box")
_SUBSETS = tuple(frozenset(chosen) for count in range(5) for chosen in combinations(_ATTRIBUTES, count))
_MORE_THAN_NEEDED = 0.4


def refer(rng: np.random.Generator, scene: Scene, place: Place) -> str | None:
    """A phrase such as "the yellow square in the left box" that fits this item alone; None where none does.

    As short as can be, or now and then with an attribute or two that are not needed.
    """
    target = _traits(place, at(scene, place))
    others = [_traits(other, at(scene, other)) for other in places(scene) if other != place]
    unique = [
        chosen
        for chosen in _SUBSETS
        if not any(all(other[name] == target[name] for name in chosen) for other in others)
    ]
    if not unique:
        return None
    shortest = [chosen for chosen in unique if len(chosen) == len(unique[0])]
    chosen = pick(rng, unique if rng.random() < _MORE_THAN_NEEDED else shortest)
    return _phrase(rng, target, chosen)


def a_new(shape: str, colour: str, size: int) -> str:
    """An item that is not there yet: "a small black circle"."""
    return f"a {size_word(size)} {colour} {shape}"


def size_word(size: int) -> str:
    """The word for a size in pixels."""
    return _SIZE_WORDS[size]


def the_box(place: int) -> str:
    """A box by its place: "the left box"."""
    return f"the {BOXES[place]} box"


def _traits(place: Place, item: Item) -> dict[str, str]:
    return {"colour": item.colour, "shape": item.shape, "size": _SIZE_WORDS[item.size], "box": BOXES[place[0]]}


def _phrase(rng: np.random.Generator, traits: dict[str, str], chosen: frozenset[str]) -> str:
    words = [traits[name] for name in ("size", "colour", "shape") if name in chosen]
    if "shape" not in chosen:
        words.append(pick(rng, ("item", "object")))
    where = f" {pick(rng, ('in', 'of'))} the {traits['box']} box" if "box" in chosen else ""
    return f"the {' '.join(words)}{where}"
