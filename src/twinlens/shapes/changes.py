"""Small changes of a scene, the parts of edits and of near scenes.

Each takes a scene and returns the changed one, or None where it changes nothing or the item does not fit.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from twinlens.reading.world import BOX, COLOURS, SHAPES, SIZES, TOWER_Y, Item
from twinlens.shapes.scenes import Box, Scene, colours, fits, pick, random_item, tower

Place: TypeAlias = tuple[int, int]
"""The position of an item in a scene: the number of its box, and its number among the box's items."""


def places(scene: Scene) -> list[Place]:
    """List the places of all items."""
    return [(box, number) for box, items in enumerate(scene.boxes) for number in range(len(items))]


def at(scene: Scene, place: Place) -> Item:
    """Return the item at a place."""
    return scene.boxes[place[0]][place[1]]


def recolour(scene: Scene, place: Place, colour: str) -> Scene | None:
    """Give an item another colour."""
    return _changed(scene, _replaced(scene, place, at(scene, place)._replace(colour=colour)))


def reshape(scene: Scene, place: Place, shape: str) -> Scene | None:
    """Give an item another shape."""
    return _changed(scene, _replaced(scene, place, at(scene, place)._replace(shape=shape)))


def resize(scene: Scene, place: Place, size: int) -> Scene | None:
    """Give an item another size around its middle, moved inward where it would leave the box."""
    item = at(scene, place)
    x, y = (min(max(corner + (item.size - size) // 2, 0), BOX - size) for corner in (item.x, item.y))
    resized = item._replace(size=size, x=x, y=y)
    return _changed(scene, _replaced(scene, place, resized)) if fits(resized, _others(scene, place)) else None


def remove(scene: Scene, place: Place) -> Scene:
    """Remove an item."""
    return scene.with_box(place[0], _others(scene, place))


def add(scene: Scene, box: int, item: Item) -> Scene | None:
    """Add an item to a box."""
    others = scene.boxes[box]
    return scene.with_box(box, (*others, item)) if fits(item, others) else None


def move(scene: Scene, place: Place, box: int) -> Scene | None:
    """Move an item to the same position in another box."""
    return None if box == place[0] else add(remove(scene, place), box, at(scene, place))


def swap(scene: Scene, one: int, other: int) -> Scene | None:
    """Swap two boxes."""
    order = [0, 1, 2]
    order[one], order[other] = other, one
    return _changed(scene, scene.reordered(order))


def random_change(rng: np.random.Generator, scene: Scene) -> Scene | None:
    """Make one random small change; towers stay towers."""
    return _change_tower(rng, scene) if scene.is_towers else _change_item(rng, scene)


def _change_item(rng: np.random.Generator, scene: Scene) -> Scene | None:
    occupied = places(scene)
    kind = int(rng.integers(6)) if occupied else 5
    if kind == 5:
        return add(scene, int(rng.integers(3)), random_item(rng))
    place = pick(rng, occupied)
    match kind:
        case 0:
            return recolour(scene, place, pick(rng, tuple(COLOURS)))
        case 1:
            return reshape(scene, place, pick(rng, SHAPES))
        case 2:
            return resize(scene, place, pick(rng, tuple(SIZES.values())))
        case 3:
            return move(scene, place, int(rng.integers(3)))
        case _:
            return remove(scene, place)


def _change_tower(rng: np.random.Generator, scene: Scene) -> Scene | None:
    """Recolour a block, add one, or remove the topmost."""
    place = int(rng.integers(3))
    blocks = colours(scene.boxes[place])
    colour = pick(rng, tuple(COLOURS))
    kind = rng.integers(4)
    if kind == 0:
        blocks.append(colour)
    elif kind == 1:
        blocks.pop()
    else:
        blocks[int(rng.integers(len(blocks)))] = colour
    if not 1 <= len(blocks) <= len(TOWER_Y):
        return None
    return _changed(scene, scene.with_box(place, tower(blocks)))


def _replaced(scene: Scene, place: Place, item: Item) -> Scene:
    return scene.with_box(place[0], (*_others(scene, place), item))


def _others(scene: Scene, place: Place) -> Box:
    box, number = place
    items = scene.boxes[box]
    return items[:number] + items[number + 1 :]


def _changed(scene: Scene, after: Scene) -> Scene | None:
    return None if after == scene else after
