"""Edits: an instruction for a reference scene, its one target scene, and distractors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, product, zip_longest
from typing import Any, TypeAlias

import numpy as np

from twinlens.core.types import TwinlensError
from twinlens.reading.world import BOX, COLOURS, SHAPES, SIZES, Item
from twinlens.shapes import changes
from twinlens.shapes.changes import Place
from twinlens.shapes.scenes import Scene, pick
from twinlens.shapes.wording import a_new, refer, size_word, the_box

Arguments: TypeAlias = tuple[Any, ...]
"""The arguments of an edit, such as (the item's place, the new colour)."""
FEWEST, MOST = 4, 6
"""Fewest and most distractors of an edit."""
SPOTS = {
    "in the top left corner": (0.0, 0.0),
    "at the top": (0.5, 0.0),
    "in the top right corner": (1.0, 0.0),
    "at the left edge": (0.0, 0.5),
    "in the centre": (0.5, 0.5),
    "at the right edge": (1.0, 0.5),
    "in the bottom left corner": (0.0, 1.0),
    "at the bottom": (0.5, 1.0),
    "in the bottom right corner": (1.0, 1.0),
}
"""Positions of added items: words → offsets right and down, as shares of the space that the item leaves in a box."""
_BOXES = range(3)
_TRIES = 30


@dataclass(frozen=True)
class Edit:
    """An instruction that turns a reference scene into `target` and no other scene.

    distractors: different scenes, none equal to the target: the reference itself, the edit applied to a wrong object,
    with a wrong attribute or in a wrong box, and the right edit with one more change.
    """

    family: str
    instruction: str
    target: Scene
    distractors: tuple[Scene, ...]


@dataclass(frozen=True)
class Family:
    """A kind of edit.

    options: scene → the possible values of each argument. apply: scene, arguments → the edited scene, or None where
    nothing would change or the item does not fit. say: generator, scene, arguments → the instruction, or None where no
    words tell the item from the others.
    """

    options: Callable[[Scene], tuple[Sequence[Any], ...]]
    apply: Callable[..., Scene | None]
    say: Callable[..., str | None]


def random_edit(rng: np.random.Generator, scene: Scene, family: str | None = None) -> Edit:
    """Draw an edit of a family, or of a random one. Raises TwinlensError when the scene admits none."""
    names = rng.permutation((family,) if family else tuple(FAMILIES)).tolist()
    for name in names:
        options = FAMILIES[name].options(scene)
        for _ in range(_TRIES if all(options) else 0):
            edit = _edit(rng, scene, name, tuple(pick(rng, choices) for choices in options))
            if edit:
                return edit
    # In crowded scenes so few arguments are possible that all tries may miss them.
    for name in names:
        every = list(product(*FAMILIES[name].options(scene)))
        for number in rng.permutation(len(every)).tolist():
            edit = _edit(rng, scene, name, every[number])
            if edit:
                return edit
    raise TwinlensError(f"no edit ({', '.join(names)}) of this scene can be told in words: {scene}")


def _edit(rng: np.random.Generator, scene: Scene, name: str, arguments: Arguments) -> Edit | None:
    """Make the edit with these arguments; None where it changes nothing, does not fit or has no unambiguous words."""
    family = FAMILIES[name]
    target = family.apply(scene, *arguments)
    instruction = None if target is None else family.say(rng, scene, *arguments)
    if target is None or instruction is None:
        return None
    wrong = (family.apply(scene, *others) for others in _one_changed(rng, family.options(scene), arguments))
    return Edit(name, instruction, target, _distractors(rng, scene, target, wrong))


def _distractors(
    rng: np.random.Generator, scene: Scene, target: Scene, wrong: Iterator[Scene | None]
) -> tuple[Scene, ...]:
    """Collect the reference, wrong edits and, up to FEWEST, the target with one more change."""
    chosen = {scene: None}
    for candidate in wrong:
        if len(chosen) == MOST:
            break
        if candidate is not None and candidate != target:
            chosen[candidate] = None
    while len(chosen) < FEWEST:
        candidate = changes.random_change(rng, target)
        if candidate is not None:
            chosen[candidate] = None
    return tuple(chosen)


def _one_changed(
    rng: np.random.Generator, options: Sequence[Sequence[Any]], arguments: Arguments
) -> Iterator[Arguments]:
    """Yield the arguments with one of them changed: each argument in turn, its values in random order."""
    shuffled = [[choices[place] for place in rng.permutation(len(choices)).tolist()] for choices in options]
    for row in zip_longest(*shuffled):
        for which, choice in enumerate(row):
            if choice is not None and choice != arguments[which]:
                yield (*arguments[:which], choice, *arguments[which + 1 :])


def _add(scene: Scene, box: int, spot: str, shape: str, colour: str, size: int) -> Scene | None:
    x, y = (round(share * (BOX - size)) for share in SPOTS[spot])
    return changes.add(scene, box, Item(shape, colour, size, x, y))


def _repaint(scene: Scene, which: int | str, colour: str) -> Scene | None:
    """Recolour all items of a box or of a shape; None for fewer than two, or if all have that colour already."""
    chosen = [(box, item) for box, item in scene.items() if which in (box, item.shape)]
    if len(chosen) < 2:
        return None
    left, middle, right = (
        tuple(item._replace(colour=colour) if which in (box, item.shape) else item for item in items)
        for box, items in enumerate(scene.boxes)
    )
    after = Scene((left, middle, right))
    return None if after == scene else after


def _say_recolour(rng: np.random.Generator, scene: Scene, place: Place, colour: str) -> str | None:
    item = refer(rng, scene, place)
    ways = (f"make {item} {colour}", f"turn {item} {colour}", f"change the colour of {item} to {colour}")
    return pick(rng, ways) if item else None


def _say_resize(rng: np.random.Generator, scene: Scene, place: Place, size: int) -> str | None:
    item, word = refer(rng, scene, place), size_word(size)
    ways = (f"make {item} {word}", f"change the size of {item} to {word}", f"give {item} a {word} size")
    return pick(rng, ways) if item else None


def _say_reshape(rng: np.random.Generator, scene: Scene, place: Place, shape: str) -> str | None:
    item = refer(rng, scene, place)
    ways = (f"turn {item} into a {shape}", f"make {item} a {shape}", f"change the shape of {item} to a {shape}")
    return pick(rng, ways) if item else None


def _say_remove(rng: np.random.Generator, scene: Scene, place: Place) -> str | None:
    item = refer(rng, scene, place)
    return pick(rng, (f"remove {item}", f"delete {item}", f"take away {item}", f"erase {item}")) if item else None


def _say_move(rng: np.random.Generator, scene: Scene, place: Place, box: int) -> str | None:
    item, to = refer(rng, scene, place), the_box(box)
    ways = (f"move {item} to {to}", f"put {item} into {to} instead", f"shift {item} over to {to}")
    return pick(rng, ways) if item else None


def _say_add(rng: np.random.Generator, _: Scene, box: int, spot: str, shape: str, colour: str, size: int) -> str:
    item = a_new(shape, colour, size)
    return f"{pick(rng, ('add', 'put', 'draw'))} {item} {spot} of {the_box(box)}"


def _say_swap(rng: np.random.Generator, _: Scene, boxes: tuple[int, int]) -> str:
    one, other = (the_box(boxes[place]) for place in rng.permutation(2))
    return pick(rng, (f"swap {one} and {other}", f"exchange {one} with {other}", f"let {one} and {other} trade places"))


def _say_repaint(rng: np.random.Generator, _: Scene, which: int | str, colour: str) -> str:
    if isinstance(which, str):
        items = pick(rng, (f"all {which}s", f"all the {which}s", f"every {which}"))
    else:
        items = pick(rng, ("all items", "everything", "all objects")) + f" in {the_box(which)}"
    return f"{pick(rng, ('make', 'paint', 'turn'))} {items} {colour}"


FAMILIES: dict[str, Family] = {
    "recolour": Family(lambda scene: (changes.places(scene), tuple(COLOURS)), changes.recolour, _say_recolour),
    "resize": Family(lambda scene: (changes.places(scene), tuple(SIZES.values())), changes.resize, _say_resize),
    "reshape": Family(lambda scene: (changes.places(scene), SHAPES), changes.reshape, _say_reshape),
    "remove": Family(lambda scene: (changes.places(scene),), changes.remove, _say_remove),
    "move": Family(lambda scene: (changes.places(scene), _BOXES), changes.move, _say_move),
    "add": Family(
        lambda _: (_BOXES, tuple(SPOTS), SHAPES, tuple(COLOURS), tuple(SIZES.values())),
        _add,
        _say_add,
    ),
    "swap": Family(
        lambda _: (tuple(combinations(_BOXES, 2)),), lambda scene, boxes: changes.swap(scene, *boxes), _say_swap
    ),
    "repaint": Family(lambda _: ((*_BOXES, *SHAPES), tuple(COLOURS)), _repaint, _say_repaint),
}
"""Kinds of edits by name."""
