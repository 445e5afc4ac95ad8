"""Facts of drawn scenes, read from pixels, and the directions of sentences and edits among them."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from twinlens.core.cache import Recent
from twinlens.core.types import Arrays, Batch, Encoded, Features, Picture, Sample, TwinlensError
from twinlens.encoders import Encoder
from twinlens.media import images
from twinlens.media.content import key
from twinlens.reading.facts import FactSpace, Projection, quantise
from twinlens.reading.forms import MOST_ITEMS
from twinlens.reading.grammar.parse import parse
from twinlens.reading.items import read_items
from twinlens.reading.meanings import Meaning
from twinlens.reading.meanings.records import from_json, to_json
from twinlens.reading.table import Table
from twinlens.reading.words import Sizes, WordNetwork
from twinlens.reading.world import BOXES
from twinlens.shapes.instructions import parse_instruction
from twinlens.shapes.scenes import Scene

FILE = "facts.json"
_COLUMNS = 5
"""Attributes of an item: shape, colour, size, x, y."""


class Facts(Encoder):
    """A reader of one closed world (docs/reading.md): `reading.facts` has the equations, all in NumPy.

    image.vector (B, D): the facts of the items that are read from a picture; one of another world counts as missing.
    text.vector: the direction of a sentence. One that the grammar reads is executed on drawn scenes, and ridge
    regression turns its truth into a direction; for one that it does not read, `WordNetwork` guesses the meaning. Where
    it has no guess, or the sentence is an instruction, there is none. text.tokens (B, 1, D), with a mask: the facts of
    the sample's own items after the instruction; none where it is not read or there is no picture.

    facts, box_facts: of a picture, of a box. width, box_width: of their projections, D = width + 3 · box_width. scenes:
    drawn ones that sentences are executed on. vocabulary, symbols, embedding, hidden: of the network.
    `training/pretraining/reading.py` fits all of it.
    """

    def __init__(
        self,
        *,
        facts: int = 2048,
        box_facts: int = 320,
        width: int = 512,
        box_width: int = 64,
        scenes: int = 4096,
        vocabulary: int = 256,
        symbols: int = 128,
        embedding: int = 64,
        hidden: int = 96,
    ) -> None:
        super().__init__()
        self.dim = width + len(BOXES) * box_width
        self._projection("picture", facts, width)
        self._projection("box", box_facts, box_width)
        self._table("scenes", torch.int8, scenes, len(BOXES), MOST_ITEMS, _COLUMNS)
        self._table("examples", torch.int8, scenes, width)
        self._table("examples_scale", torch.float32, width)
        self.sizes = Sizes(vocabulary, symbols, embedding, hidden)
        for name, shape in self.sizes.shapes().items():
            self._table(f"network_{name}", torch.int8 if len(shape) > 1 else torch.float32, *shape)
            if len(shape) > 1:
                self._table(f"network_{name}_scale", torch.float32, shape[-1])
        self._facts: dict[str, tuple[Meaning, ...]] = {"picture": (), "box": ()}
        self._known: dict[str, tuple[str, ...]] = {"words": (), "symbols": ()}
        self._scenes: Recent[Scene | None] = Recent()
        self._directions: Recent[NDArray[np.float32]] = Recent()

    def adopt(self, space: FactSpace, network: WordNetwork) -> None:
        """Take over fitted facts and a trained network of the sizes of the options."""
        self._facts = {"picture": space.picture, "box": space.box}
        self._known = {"words": network.words, "symbols": network.symbols}
        for side, projection in (("picture", space.of_picture), ("box", space.of_box)):
            for name in ("mean", "axes", "scale"):
                self._fill(f"{side}_{name}", getattr(projection, name))
        for name in ("scenes", "examples", "examples_scale"):
            self._fill(name, getattr(space, name))
        for name, weight in network.weights.items():
            rounded, scale = quantise(weight) if weight.ndim > 1 else (weight, None)
            self._fill(f"network_{name}", rounded)
            if scale is not None:
                self._fill(f"network_{name}_scale", scale)

    @cached_property
    def space(self) -> FactSpace:
        """The facts and their projections; read once, when the first sample is prepared."""
        of_picture, of_box = (
            Projection(*(self._array(f"{side}_{name}") for name in ("mean", "axes", "scale")))
            for side in ("picture", "box")
        )
        drawn = (self._array(name) for name in ("scenes", "examples", "examples_scale"))
        return FactSpace(self._facts["picture"], self._facts["box"], of_picture, of_box, *drawn)

    @cached_property
    def network(self) -> WordNetwork:
        """The network for sentences that are not read."""
        weights = {
            name: self._array(f"network_{name}") * (self._array(f"network_{name}_scale") if len(shape) > 1 else 1)
            for name, shape in self.sizes.shapes().items()
        }
        return WordNetwork(self._known["words"], self._known["symbols"], weights)

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

    def forward(self, batch: Batch) -> Encoded:
        """Encode both sides."""
        image = self._vectors(batch["items"], batch["image_present"])
        edited = self._vectors(batch["edited"], batch["edit_present"])
        mask = batch["edit_present"][:, None]
        text = Features(batch["direction"], tokens=edited[:, None], mask=mask, present=batch["text_present"])
        return Encoded(image=Features(image, present=batch["image_present"]), text=text)

    def save_assets(self, folder: Path) -> None:
        """Write the facts, and the network's words and symbols."""
        content = {side: to_json(facts) for side, facts in self._facts.items()} | self._known
        (folder / FILE).write_text(json.dumps(content, separators=(",", ":")) + "\n", encoding="utf-8")

    def load_assets(self, folder: Path) -> None:
        """Read them. Raises TwinlensError where the file is missing or damaged."""
        try:
            content = json.loads((folder / FILE).read_text(encoding="utf-8"))
            self._facts = {side: tuple(from_json(record) for record in content[side]) for side in self._facts}
            self._known = {name: tuple(str(one) for one in content[name]) for name in self._known}
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise TwinlensError(f"the facts {folder / FILE} cannot be read; copy the whole model again") from error

    def _scene(self, picture: Picture | None) -> Scene | None:
        """Read the items of a picture; None for no picture, or one of another world."""
        return None if picture is None else self._scenes.get(key(picture), lambda: _read(picture))

    def _direction(self, text: str) -> NDArray[np.float32]:
        """Return the direction (D,) of a sentence; zeros for none."""
        return self._directions.get(text, lambda: self._fitted(text))

    def _fitted(self, text: str) -> NDArray[np.float32]:
        meaning = parse(text) or self.network(text)
        return np.zeros(self.dim, dtype=np.float32) if meaning is None else self.space.direction(meaning)

    def _vectors(self, items: Tensor, present: Tensor) -> Tensor:
        """Embed the rows that are present (B, D); the others are zeros."""
        vectors = torch.zeros(len(items), self.dim)
        rows = present.cpu()
        if rows.any():
            vectors[rows] = torch.from_numpy(self.space.vectors(Table.from_arrays(items.cpu()[rows].numpy())))
        return vectors.to(items.device)

    def _projection(self, side: str, facts: int, width: int) -> None:
        self._table(f"{side}_mean", torch.float32, facts)
        self._table(f"{side}_axes", torch.int8, facts, width)
        self._table(f"{side}_scale", torch.float32, width)

    def _table(self, name: str, dtype: torch.dtype, *shape: int) -> None:
        self.register_buffer(name, torch.zeros(shape, dtype=dtype))

    def _fill(self, name: str, values: NDArray[Any]) -> None:
        self.get_buffer(name).copy_(torch.from_numpy(np.ascontiguousarray(values)))

    def _array(self, name: str) -> NDArray[Any]:
        array: NDArray[Any] = self.get_buffer(name).cpu().numpy()
        return array


def _read(picture: Picture) -> Scene | None:
    boxes = read_items(images.load(picture))
    return None if boxes is None else Scene((boxes[0], boxes[1], boxes[2]))


def _arrays(scene: Scene | None) -> NDArray[np.int16]:
    """Return the items of a scene (3, 8, 5), −1 where there is none."""
    arrays = np.full((len(BOXES), MOST_ITEMS, _COLUMNS), -1, dtype=np.int16)
    if scene is not None:
        found = Table.of([scene]).arrays[0]
        arrays[:, : found.shape[1]] = found
    return arrays
