"""Facts of drawn scenes, read from pixels, and the directions of sentences and edits among them. NumPy only."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from twinlens.core.cache import Recent
from twinlens.core.types import Arrays, Picture, Sample, TwinlensError
from twinlens.media import images
from twinlens.media.content import key
from twinlens.reading.facts import FactSpace, Projection
from twinlens.reading.forms import MOST_ITEMS
from twinlens.reading.grammar.parse import read
from twinlens.reading.items import read_items
from twinlens.reading.meanings import Meaning
from twinlens.reading.meanings.records import from_json, to_json
from twinlens.reading.table import Table
from twinlens.reading.words import WordNetwork
from twinlens.reading.world import BOXES
from twinlens.shapes.instructions import parse_instruction
from twinlens.shapes.scenes import Scene

FILE, TENSORS = "facts.json", "facts.safetensors"
WEIGHTS = "model.safetensors"
"""A saved composer's tensors, which are read where a folder has none of its own."""
COLUMNS = 5
"""Attributes of an item: shape, colour, size, x, y."""
_SIDES, _KNOWN = ("picture", "box"), ("words", "symbols")


class FactReader:
    """A reader of drawn scenes: prepares items and directions, and computes facts; see the encoder `facts`.

    facts: of "picture" and "box". known: the "words" and "symbols" of the network. tensors: the encoder's, by name.
    """

    name: ClassVar[str] = "facts"

    def __init__(
        self,
        facts: Mapping[str, tuple[Meaning, ...]],
        known: Mapping[str, tuple[str, ...]],
        tensors: Mapping[str, NDArray[Any]],
    ) -> None:
        self.facts, self.known, self.tensors = dict(facts), dict(known), dict(tensors)
        self._scenes: Recent[Scene | None] = Recent()
        self._directions: Recent[NDArray[np.float32]] = Recent()

    @classmethod
    def restore(cls, folder: Path, /, **_: Any) -> Self:
        """Read the facts and the tensors. Raises TwinlensError where a file is missing or damaged."""
        return cls(*read_facts(folder), _read_tensors(folder))

    @cached_property
    def space(self) -> FactSpace:
        """The facts and their projections."""
        of_picture, of_box = (
            Projection(*(self.tensors[f"{side}_{name}"] for name in ("mean", "axes", "scale"))) for side in _SIDES
        )
        drawn = (self.tensors[name] for name in ("scenes", "examples", "examples_scale"))
        return FactSpace(self.facts["picture"], self.facts["box"], of_picture, of_box, *drawn)

    @cached_property
    def network(self) -> WordNetwork:
        """The network for sentences that are not read."""
        names = [name for name in self.tensors if name.startswith("network_") and not name.endswith("_scale")]
        weights = {
            name.removeprefix("network_"): self.tensors[name] * self.tensors.get(f"{name}_scale", np.float32(1))
            for name in names
        }
        return WordNetwork(self.known["words"], self.known["symbols"], weights)

    def prepare(self, sample: Sample) -> Arrays:
        """Return items and edited (3, 8, 5) int16, direction (D,) float32, and image_, text_ and edit_present ()."""
        scene = self._scene(sample.image)
        instruction = parse_instruction(sample.text)
        edited = None if scene is None or instruction is None else instruction.apply(scene)
        return {
            "items": _arrays(scene),
            "edited": _arrays(edited),
            "direction": self._direction("" if instruction else sample.text),
            "image_present": np.asarray(scene is not None),
            "text_present": np.asarray(bool(sample.text.strip())),
            "edit_present": np.asarray(edited is not None),
        }

    def features(self, arrays: Arrays) -> Arrays:
        """Compute the encoder's features of stacked arrays (B, …), named by side and field."""
        edited = arrays["edit_present"]
        return {
            "image.vector": self._vectors(arrays["items"], arrays["image_present"]),
            "image.present": arrays["image_present"],
            "text.vector": arrays["direction"],
            "text.tokens": self._vectors(arrays["edited"], edited)[:, None],
            "text.mask": edited[:, None],
            "text.present": arrays["text_present"],
        }

    def cuts(self, _: str, /) -> bool:
        """Return False: texts of any length are read."""
        return False

    def guesses(self, text: str, /) -> bool:
        """Return True if the grammar does not read a sentence, and its direction is that of the network's guess."""
        if not text.strip() or parse_instruction(text):
            return False
        reading = read(text)
        return not reading.meaning and not reading.is_open and bool(self._direction(text).any())

    def settings(self) -> Mapping[str, Any]:
        """Return nothing: all is in files."""
        return {}

    def save(self, folder: Path) -> None:
        """Write the facts and the tensors."""
        write_facts(folder, self.facts, self.known)
        save_file({name: np.ascontiguousarray(tensor) for name, tensor in self.tensors.items()}, folder / TENSORS)

    def _scene(self, picture: Picture | None) -> Scene | None:
        """Read the items of a picture; None for no picture, or one of another world."""
        return None if picture is None else self._scenes.get(key(picture), lambda: _read(picture))

    def _direction(self, text: str) -> NDArray[np.float32]:
        """Return the direction (D,) of a sentence; zeros for none."""
        return self._directions.get(text, lambda: self._fitted(text))

    def _fitted(self, text: str) -> NDArray[np.float32]:
        reading = read(text)
        # A guess of a sentence that may be meant in two ways would choose one of them.
        meaning = reading.meaning if reading.meaning or reading.is_open else self.network(text)
        return np.zeros(self.space.width, dtype=np.float32) if meaning is None else self.space.direction(meaning)

    def _vectors(self, items: NDArray[Any], present: NDArray[Any]) -> NDArray[np.float32]:
        """Embed the rows that are present (B, D); the others are zeros."""
        vectors = np.zeros((len(items), self.space.width), dtype=np.float32)
        if present.any():
            vectors[present] = self.space.vectors(Table.from_arrays(items[present]))
        return vectors


def write_facts(folder: Path, facts: Mapping[str, tuple[Meaning, ...]], known: Mapping[str, tuple[str, ...]]) -> None:
    """Write the facts, and the network's words and symbols."""
    content = {side: to_json(of) for side, of in facts.items()} | dict(known)
    (folder / FILE).write_text(json.dumps(content, separators=(",", ":")) + "\n", encoding="utf-8")


def read_facts(folder: Path) -> tuple[dict[str, tuple[Meaning, ...]], dict[str, tuple[str, ...]]]:
    """Read what `write_facts` wrote. Raises TwinlensError where the file is missing or damaged."""
    try:
        content = json.loads((folder / FILE).read_text(encoding="utf-8"))
        facts = {side: tuple(from_json(record) for record in content[side]) for side in _SIDES}
        return facts, {name: tuple(str(one) for one in content[name]) for name in _KNOWN}
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise TwinlensError(f"the facts {folder / FILE} cannot be read; copy the whole model again") from error


def _read_tensors(folder: Path) -> dict[str, NDArray[Any]]:
    """Read the tensors of a folder, or else those of the composer whose encoder the folder is named after."""
    own = (folder / TENSORS).is_file()
    path = folder / TENSORS if own else folder.parent / WEIGHTS
    prefix = "" if own else f"encoders.{folder.name.rpartition('-')[2]}."
    try:
        with safe_open(path, framework="numpy") as file:
            return {name.removeprefix(prefix): file.get_tensor(name) for name in file.keys() if name.startswith(prefix)}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise TwinlensError(f"{path} cannot be read: {error}; copy the whole model again") from error


def _read(picture: Picture) -> Scene | None:
    boxes = read_items(images.load(picture))
    return None if boxes is None else Scene((boxes[0], boxes[1], boxes[2]))


def _arrays(scene: Scene | None) -> NDArray[np.int16]:
    """Return the items of a scene (3, 8, 5), −1 where there is none."""
    arrays = np.full((len(BOXES), MOST_ITEMS, COLUMNS), -1, dtype=np.int16)
    if scene is not None:
        found = Table.of([scene]).arrays[0]
        arrays[:, : found.shape[1]] = found
    return arrays
