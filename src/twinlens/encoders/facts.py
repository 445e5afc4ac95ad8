"""Facts of drawn scenes, read from pixels, and the directions of sentences and edits among them."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from twinlens.core.types import Batch, Encoded, Features
from twinlens.encoders import Encoder
from twinlens.preparation.facts import COLUMNS, FactReader, read_facts, write_facts
from twinlens.reading.facts import FactSpace, quantise
from twinlens.reading.forms import MOST_ITEMS
from twinlens.reading.meanings import Meaning
from twinlens.reading.words import Sizes, WordNetwork
from twinlens.reading.world import BOXES


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
        self._table("scenes", torch.int8, scenes, len(BOXES), MOST_ITEMS, COLUMNS)
        self._table("examples", torch.int8, scenes, width)
        self._table("examples_scale", torch.float32, width)
        self.sizes = Sizes(vocabulary, symbols, embedding, hidden)
        for name, shape in self.sizes.shapes().items():
            self._table(f"network_{name}", torch.int8 if len(shape) > 1 else torch.float32, *shape)
            if len(shape) > 1:
                self._table(f"network_{name}_scale", torch.float32, shape[-1])
        self._facts: dict[str, tuple[Meaning, ...]] = {"picture": (), "box": ()}
        self._known: dict[str, tuple[str, ...]] = {"words": (), "symbols": ()}

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
    def reader(self) -> FactReader:
        """The reader with this encoder's facts and tensors, as they are when the first sample is prepared."""
        return FactReader(self._facts, self._known, {name: self._array(name) for name, _ in self.named_buffers()})

    @property
    def space(self) -> FactSpace:
        """The facts and their projections."""
        return self.reader.space

    @property
    def network(self) -> WordNetwork:
        """The network for sentences that are not read."""
        return self.reader.network

    def preparations(self) -> tuple[FactReader]:
        """Return the reader; see `FactReader.prepare`."""
        return (self.reader,)

    def forward(self, batch: Batch) -> Encoded:
        """Encode both sides."""
        found = self.reader.features({name: tensor.cpu().numpy() for name, tensor in batch.items()})
        of = {name: torch.from_numpy(array).to(batch["items"].device) for name, array in found.items()}
        text = Features(of["text.vector"], of["text.tokens"], of["text.mask"], present=of["text.present"])
        return Encoded(image=Features(of["image.vector"], present=of["image.present"]), text=text)

    def save_assets(self, folder: Path) -> None:
        """Write the facts, and the network's words and symbols."""
        write_facts(folder, self._facts, self._known)

    def load_assets(self, folder: Path) -> None:
        """Read them. Raises TwinlensError where the file is missing or damaged."""
        self._facts, self._known = read_facts(folder)

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
