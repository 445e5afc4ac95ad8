"""The pictures of a collection as both sides of their stored vectors, for training without encoders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from twinlens.collection import Collection
from twinlens.collection.store import Entry, Generation, Vectors
from twinlens.core.types import Arrays, Batch, Encoded, Features, Sample, TwinlensError
from twinlens.encoders import Encoder
from twinlens.fusions.calibrated import Calibrated
from twinlens.fusions.learned import Learned
from twinlens.models.composer import Composer

BlockFusion: TypeAlias = Calibrated | Learned
PAGE = 4096


@dataclass(frozen=True)
class EmbeddedGallery:
    """The entries (N,) that can be found, with both sides of their vectors (N, image), (N, text).

    composer: the model that serves, whose fusion has both sides of a vector beside each other. collection: the random
    name it was made with. A text's row of zeros says that there is no caption.
    """

    composer: Composer
    generation: Generation
    collection: str
    entries: tuple[Entry, ...]
    image: Tensor
    text: Tensor

    @classmethod
    def of(cls, collection: Collection) -> EmbeddedGallery:
        """Read a collection's vectors.

        Raises TwinlensError where the model does not keep both sides apart, or there are no pictures.
        """
        with collection.snapshot():
            composer, generation = composer_of(collection), collection.generation
            entries, vectors = collection.entries_with_vectors()
            name = collection.contents(within=()).collection
        if not entries:
            raise TwinlensError(f"{collection.folder} has no pictures to learn from")
        image, text = _sides(block_fusion(composer), vectors)
        return cls(composer, generation, name, tuple(entries), image, text)

    @cached_property
    def at(self) -> dict[str, int]:
        """Return the places of the entries, by id."""
        return {str(entry.row): place for place, entry in enumerate(self.entries)}

    @cached_property
    def captioned(self) -> NDArray[np.bool_]:
        """Return a mask (N,) of the entries with a caption that the model could read."""
        present: NDArray[np.bool_] = self.text.any(-1).numpy()
        return present

    @property
    def pictures(self) -> Vectors:
        """Return the pictures alone (N, D), of unit length, without class names."""
        width = block_fusion(self.composer).widths[0]
        return self.image[:, :width].numpy()

    def sample(self, place: int, *, captioned: bool = False) -> Sample:
        """Return an entry of the gallery, with its caption or without."""
        entry = self.entries[place]
        return Sample(str(entry.row), entry.path, entry.caption if captioned else "")


class Frozen(Encoder):
    """Stands in for a collection's encoders by the stored sides of its pictures and captions, and some more texts."""

    image: Tensor
    text: Tensor

    def __init__(self, known: EmbeddedGallery, texts: Sequence[str] = ()) -> None:
        super().__init__()
        self.pictures = {entry.path: place for place, entry in enumerate(known.entries)}
        captions = {e.caption: place for place, e in enumerate(known.entries) if known.captioned[place]}
        fresh = [text for text in dict.fromkeys(texts) if text not in captions]
        self.texts = captions | {text: len(known.entries) + n for n, text in enumerate(fresh)}
        self.register_buffer("image", known.image, persistent=False)
        self.register_buffer("text", torch.cat([known.text, encoded(known.composer, fresh)]), persistent=False)
        self.dim = known.image.shape[1]

    def prepare(self, sample: Sample) -> Arrays:
        """Return image and text () int64: rows of the stored sides, −1 for a side that is missing."""
        picture = self.pictures[sample.image] if isinstance(sample.image, Path) else -1
        return {"image": np.array(picture), "text": np.array(self.texts[sample.text] if sample.text else -1)}

    def forward(self, batch: Batch) -> Encoded:
        """Return both sides of samples."""
        sides = {
            name: Features(known[batch[name].clamp(min=0)], present=batch[name] >= 0)
            for name, known in (("image", self.image), ("text", self.text))
        }
        return Encoded(**sides)


def composer_of(collection: Collection) -> Composer:
    """Return the collection's model as a composer. Raises TwinlensError for a model that has no fusion of ours."""
    model: Any = collection.model
    composer = getattr(model, "composer", model)
    if not isinstance(composer, Composer):
        raise TwinlensError(f"the model of {collection.folder} is none that twinlens could train")
    return composer


def block_fusion(composer: Composer) -> BlockFusion:
    """Return a composer's fusion. Raises TwinlensError for one whose vectors do not keep both sides apart."""
    if isinstance(composer.fusion, Calibrated | Learned):
        return composer.fusion
    raise TwinlensError(
        f"the collection's model ({composer.recipe.name}) has composed picture and caption into one already; index with"
        " one that keeps them apart (--recipe clip or offline) to learn from your own words"
    )


def encoded(composer: Composer, texts: Sequence[str]) -> Tensor:
    """Encode texts as the fusion's text side (M, text_dim)."""
    fusion = block_fusion(composer)
    if not texts:
        return torch.empty(0, fusion.text_dim)
    return _sides(fusion, composer.embed([Sample("", None, text) for text in texts]))[1]


def _sides(fusion: BlockFusion, vectors: Vectors) -> tuple[Tensor, Tensor]:
    parts = [fusion.split_sides(torch.from_numpy(vectors[n : n + PAGE])) for n in range(0, len(vectors), PAGE)]
    return torch.cat([image.vector for image, _ in parts]), torch.cat([text.vector for _, text in parts])
