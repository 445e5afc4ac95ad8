"""Instructions: sentences that change a picture, read as edits of its items.

"Make the yellow square in the left box blue" names one item; an instruction that fits several items, or none, is left
undone, never guessed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
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
_ITEM = (
    rf"the (?:(?P<of_size>{'|'.join(SIZES)}) )?(?:(?P<of_colour>{'|'.join(COLOURS)}) )?"
    rf"(?:(?P<of_shape>{'|'.join(SHAPES)})|item|object)(?: (?:in|of) the (?P<of_box>{'|'.join(BOXES)}) box)?"
)
_BOX, _OTHER = (f"the (?P<{name}>{'|'.join(BOXES)}) box" for name in ("box", "other"))
_ALL = rf"(?:(?:all(?: the)?|every) {_SHAPE}s?|(?:all items|all objects|everything) in {_BOX})"
PATTERNS = tuple(
    (family, re.compile(pattern))
    for family, pattern in (
        ("recolour", rf"(?:make|turn|paint) {_ITEM} {_COLOUR}"),
        ("recolour", rf"change the colour of {_ITEM} to {_COLOUR}"),
        ("resize", rf"(?:make|turn) {_ITEM} {_SIZE}"),
        ("resize", rf"change the size of {_ITEM} to {_SIZE}"),
        ("resize", rf"give {_ITEM} a {_SIZE} size"),
        ("reshape", rf"(?:turn|change) {_ITEM} into a {_SHAPE}"),
        ("reshape", rf"make {_ITEM} a {_SHAPE}"),
        ("reshape", rf"change the shape of {_ITEM} to a {_SHAPE}"),
        ("remove", rf"(?:remove|delete|take away|erase) {_ITEM}"),
        ("move", rf"(?:move|put|shift) {_ITEM} (?:over )?(?:to|into) {_BOX}(?: instead)?"),
        ("add", rf"(?:add|put|draw) a {_SIZE} {_COLOUR} {_SHAPE} {_SPOT} of {_BOX}"),
        ("swap", rf"(?:swap|exchange) {_BOX} (?:and|with) {_OTHER}"),
        ("swap", rf"let {_BOX} and {_OTHER} trade places"),
        ("repaint", rf"(?:make|paint|turn) {_ALL} {_COLOUR}"),
    )
)
"""Family of edits of `shapes.edits.FAMILIES`, and a pattern of its instructions; the first that fits counts."""


@dataclass(frozen=True)
class Instruction:
    """An edit of a family, and the words of its pattern: of its item ("of_colour") and of the change ("colour")."""

    family: str
    words: Mapping[str, str]

    def apply(self, scene: Scene) -> Scene | None:
        """Edit a scene; None where no single item fits, nothing would change, or the changed item has no room."""
        arguments = _ARGUMENTS[self.family](self.words)
        if self.family in _OF_AN_ITEM:
            found = [place for place in changes.places(scene) if self._fits(scene, place)]
            if len(found) != 1:
                return None
            arguments = (found[0], *arguments)
        return FAMILIES[self.family].apply(scene, *arguments)

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


def _box(words: Mapping[str, str], name: str = "box") -> int:
    return BOXES.index(words[name])


def _which(words: Mapping[str, str]) -> int | str:
    """Choose the items to repaint: the items of a shape, or of a box by its number."""
    return words["shape"] if "shape" in words else _box(words)


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
