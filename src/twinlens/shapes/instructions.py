"""Instructions: sentences that change a picture, read as edits of its items.

"Make the yellow square in the left box blue" names one item; an instruction that fits several items, or none, is left
undone, never guessed. "Remove all circles" removes one or more. "Add a small black circle to the middle box" names no
place there: it is the first of SPOTS that is free, from the centre on.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from twinlens.reading.world import BOXES, COLOURS, SHAPES, SIZES
from twinlens.shapes import changes
from twinlens.shapes.edits import FAMILIES, SPOTS
from twinlens.shapes.scenes import Scene

_COLOUR = f"(?P<colour>{'|'.join(COLOURS)})"
_SHAPE = f"(?P<shape>{'|'.join(SHAPES)})"
_SIZE = f"(?P<size>{'|'.join(SIZES)})"
_SPOT = f"(?P<spot>{'|'.join(SPOTS)})"
_TRAITS = rf"(?:(?P<of_size>{'|'.join(SIZES)}) )?(?:(?P<of_colour>{'|'.join(COLOURS)}) )?"
_OF_BOX = rf"(?: (?:in|of|from) the (?P<of_box>{'|'.join(BOXES)}) box)?"
_ITEM = rf"the {_TRAITS}(?:(?P<of_shape>{'|'.join(SHAPES)})|item|object){_OF_BOX}"
_ITEMS = rf"(?:all(?: the)? {_TRAITS}(?:(?P<of_shape>{'|'.join(SHAPES)})s|items|objects)|everything){_OF_BOX}"
_EACH = rf"every {_TRAITS}(?:(?P<of_shape>{'|'.join(SHAPES)})|item|object){_OF_BOX}"
_BOX, _OTHER = (f"the (?P<{name}>{'|'.join(BOXES)}) box" for name in ("box", "other"))
_SIDE, _OTHER_SIDE = (f"(?P<{name}>{'|'.join(BOXES)})" for name in ("box", "other"))
_NEW = rf"an? {_SIZE} {_COLOUR} {_SHAPE}"
_ALL = rf"(?:(?:all(?: the)?|every) {_SHAPE}s?|(?:all items|all objects|everything) in {_BOX})"
PATTERNS = tuple(
    (family, re.compile(pattern))
    for family, pattern in (
        ("recolour", rf"(?:make|turn|paint) {_ITEM} {_COLOUR}"),
        ("recolour", rf"change the colour of {_ITEM} to {_COLOUR}"),
        ("recolour", rf"change {_ITEM} to {_COLOUR}"),
        ("resize", rf"(?:make|turn) {_ITEM} {_SIZE}"),
        ("resize", rf"change the size of {_ITEM} to {_SIZE}"),
        ("resize", rf"give {_ITEM} a {_SIZE} size"),
        ("resize", rf"change {_ITEM} to {_SIZE}"),
        ("reshape", rf"(?:turn|change) {_ITEM} (?:in)?to a {_SHAPE}"),
        ("reshape", rf"make {_ITEM} a {_SHAPE}"),
        ("reshape", rf"change the shape of {_ITEM} to a {_SHAPE}"),
        ("remove", rf"(?:remove|delete|take away|erase) {_ITEM}"),
        ("clear", rf"(?:remove|delete|take away|erase) {_ITEMS}"),
        ("clear", rf"(?:remove|delete|take away|erase) {_EACH}"),
        ("move", rf"(?:move|put|shift) {_ITEM} (?:over )?(?:to|into) {_BOX}(?: instead)?"),
        ("add", rf"(?:add|put|draw) {_NEW} {_SPOT} of {_BOX}"),
        ("add", rf"(?:add|put|draw) {_NEW} (?:to|in|into) {_BOX}"),
        ("swap", rf"(?:swap|exchange) {_BOX} (?:and|with) {_OTHER}"),
        ("swap", rf"(?:swap|exchange) the {_SIDE} (?:and|with) (?:the )?{_OTHER_SIDE} box(?:es)?"),
        ("swap", rf"let {_BOX} and {_OTHER} trade places"),
        ("repaint", rf"(?:make|paint|turn) {_ALL} {_COLOUR}"),
    )
)
"""Family of edits, one of `shapes.edits.FAMILIES` or "clear", and a pattern of its instructions; the first that fits
counts."""


@dataclass(frozen=True)
class Instruction:
    """An edit of a family, and the words of its pattern: of its item ("of_colour") and of the change ("colour")."""

    family: str
    words: Mapping[str, str]

    def apply(self, scene: Scene) -> Scene | None:
        """Edit a scene; None where no single item fits, nothing would change, or the changed item has no room."""
        found = [place for place in changes.places(scene) if self._fits(scene, place)]
        if self.family == "clear":
            return _without(scene, found) if found else None
        if self.family == "add" and "spot" not in self.words:
            return next(filter(None, (self._added(scene, spot) for spot in _FREE_SPOTS)), None)
        arguments = _ARGUMENTS[self.family](self.words)
        if self.family in _OF_AN_ITEM:
            if len(found) != 1:
                return None
            arguments = (found[0], *arguments)
        return FAMILIES[self.family].apply(scene, *arguments)

    def _added(self, scene: Scene, spot: str) -> Scene | None:
        """Add the item at a spot; None where it has no room there."""
        return FAMILIES["add"].apply(scene, *_ARGUMENTS["add"]({**self.words, "spot": spot}))

    def _fits(self, scene: Scene, place: changes.Place) -> bool:
        """Test an item against the words that refer to it."""
        item = changes.at(scene, place)
        size = next(word for word, pixels in SIZES.items() if pixels == item.size)
        traits = {"of_colour": item.colour, "of_shape": item.shape, "of_size": size, "of_box": BOXES[place[0]]}
        return all(self.words.get(name, value) == value for name, value in traits.items())


def parse_instruction(text: str) -> Instruction | None:
    """Read an instruction; None where the patterns do not read all of it."""
    words = re.sub(r"\bcolor\b", "colour", " ".join(text.casefold().split()).rstrip(" .!"))
    for family, pattern in PATTERNS:
        if found := pattern.fullmatch(words):
            return Instruction(family, {name: word for name, word in found.groupdict().items() if word})
    return None


def _without(scene: Scene, gone: Collection[changes.Place]) -> Scene:
    """Remove items."""
    left, middle, right = (
        tuple(item for number, item in enumerate(items) if (box, number) not in gone)
        for box, items in enumerate(scene.boxes)
    )
    return Scene((left, middle, right))


def _box(words: Mapping[str, str], name: str = "box") -> int:
    return BOXES.index(words[name])


def _which(words: Mapping[str, str]) -> int | str:
    """Choose the items to repaint: the items of a shape, or of a box by its number."""
    return words["shape"] if "shape" in words else _box(words)


_FREE_SPOTS = ("in the centre", *SPOTS)
_OF_AN_ITEM = ("recolour", "resize", "reshape", "remove", "move")
_ARGUMENTS: dict[str, Any] = {
    "recolour": lambda words: (words["colour"],),
    "resize": lambda words: (SIZES[words["size"]],),
    "reshape": lambda words: (words["shape"],),
    "remove": lambda _: (),
    "move": lambda words: (_box(words),),
    "add": lambda words: (_box(words), words["spot"], words["shape"], words["colour"], SIZES[words["size"]]),
    "swap": lambda words: ((_box(words), _box(words, "other")),),
    "repaint": lambda words: (_which(words), words["colour"]),
}
