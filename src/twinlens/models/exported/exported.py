"""A model whose networks are ONNX graphs: the interface of `Composer` that a collection needs, without torch."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from twinlens.calibration import Channel
from twinlens.core import checksums
from twinlens.core.arguments import as_folder, as_names, as_samples
from twinlens.core.machine import import_onnxruntime
from twinlens.core.types import Arrays, Sample, Similarity, TwinlensError
from twinlens.models.exported import graphs
from twinlens.models.exported.about import FILE, About
from twinlens.models.exported.adapted import AdaptedTower
from twinlens.models.exported.computed import ComputedTower, computing
from twinlens.models.exported.sides import Sides
from twinlens.models.runtime.fingerprint import RECIPE, check_whole, named_stage
from twinlens.models.runtime.parts import Network, NetworkPart, Preparations, Vectors

if TYPE_CHECKING:
    from twinlens.core.recipe import Recipe
    from twinlens.models.composer import Composer

BATCH = 64
AGAIN = "export the model again"
_SIDES = ("image", "text")


class ExportedModel:
    """An exported model in its folder. Graphs and tokenizers are read at their first use; several threads may use it.

    folder: has the description, the recipe and all files that they name. allow_plugins: see `load`.
    """

    def __init__(self, folder: Path, about: About, allow_plugins: Sequence[str] = (), *, once: bool = False) -> None:
        self.folder, self.about, self.allow_plugins, self._once = folder, about, allow_plugins, once
        self._preparations = Preparations.restore(about.preparations, folder)
        self._network = Network(about.towers, self._part, trims=about.trims)

    @classmethod
    def load(cls, folder: Path | str, *, allow_plugins: Sequence[str] = (), once: bool = False) -> Self:
        """Open a folder. Raises TwinlensError for one that is missing, damaged, or names files outside itself.

        allow_plugins: names of plug-ins that the recipe may name, for its stage of reranking and for `composer`; the
        graphs need none. once: as of `Onnx`.
        """
        folder = as_folder("the model folder", folder).expanduser()
        check_whole(folder)
        return cls(folder, About.read(folder), as_names(allow_plugins), once=once)

    @cached_property
    def recipe(self) -> Recipe:
        """Return the recipe of the model that was exported."""
        from twinlens.core.recipe import Recipe  # takes a tenth of a second, and a search needs none

        return Recipe.read_saved(self.folder / RECIPE)

    @cached_property
    def rerank(self) -> str | None:
        """Return the stage of reranking that the recipe names."""
        return named_stage(self.folder, self.allow_plugins)

    @property
    def dim(self) -> int:
        """Return the width D of the vectors."""
        return self.about.dim

    @property
    def digest(self) -> str:
        """Return the content hash (hex) of the model: equal digests give equal vectors."""
        return self.about.digest

    @property
    def channels(self) -> Sequence[Channel]:
        """Return the channels that are compared separately; empty when whole vectors are compared by cosine."""
        return self.about.channels

    @property
    def own_similarity(self) -> Similarity | None:
        """Return None: vectors are compared by inner products alone."""
        return None

    @property
    def measurements(self) -> dict[str, Any]:
        """Describe as JSON how the model is run."""
        return {"mode": "auto", "exported": self.about.precision, "networks": {}}

    @property
    def composer(self) -> Composer:
        """Return the composer that was exported, for training. Raises TwinlensError where it cannot be built again."""
        from twinlens.models.exported.origin import composer_of

        return composer_of(self.folder, self.about, self.allow_plugins)

    def prepare(self, sample: Sample) -> Arrays:
        """Prepare one sample on the CPU."""
        return self._preparations.prepare(sample)

    def cuts(self, text: str) -> bool:
        """Return True if the model reads a text but not its end."""
        return self._preparations.cuts(text)

    def guesses(self, text: str) -> bool:
        """Return True if the model guesses the meaning of a text that it does not read."""
        return self._preparations.guesses(text)

    def embed_prepared(self, prepared: Sequence[Arrays]) -> Vectors:
        """Embed prepared samples as one batch of unit vectors (B, D). Raises TwinlensError for graphs of another D."""
        with self._fitting():
            vectors = self._network(prepared)
        if vectors.shape[1] != self.dim:
            raise TwinlensError(
                f"the networks in {self.folder} give {vectors.shape[1]} channels, not {self.dim}; {AGAIN}"
            )
        return vectors

    def embed(self, samples: Sequence[Sample]) -> Vectors:
        """Embed samples as unit vectors (N, D). What reads a side that all of them lack is not even loaded."""
        as_samples("embed", samples)
        out = np.empty((len(samples), self.dim), dtype=np.float32)
        for start in range(0, len(samples), BATCH):
            part = samples[start : start + BATCH]
            needed = self._needed(part)
            with self._network.loading(needed):
                prepared = [self._preparations.prepare(sample, needed) for sample in part]
            out[start : start + len(part)] = self.embed_prepared(prepared)
        return out

    def preload(self, *, image: bool, text: bool) -> None:
        """Begin to load the networks of these sides in a thread; a later call that needs one waits for it."""
        import_onnxruntime()  # in this thread: imports of two threads would wait for each other
        self._network.preload(self._reading({"image": image, "text": text}))

    def gate_map(self, sample: Sample) -> Vectors | None:
        """Return how far the gate is open over the picture of a sample (H, W), 0 to 1.

        None for a fusion without a gate over a map, and for an export of an earlier version.
        """
        with self._fitting():
            return self._network.gate_map(self.prepare(sample))

    @contextmanager
    def _fitting(self) -> Iterator[None]:
        """Turn the errors of networks that do not fit together into a TwinlensError."""
        try:
            yield
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise TwinlensError(f"the networks in {self.folder} do not fit together: {error!r}; {AGAIN}") from error

    def save(self, folder: Path | str) -> None:
        """Write the model folder, as links to the same files where the disk allows it.

        Raises OSError, and TwinlensError where this model's files were damaged meanwhile.
        """
        check_whole(self.folder)
        folder = as_folder("the model folder", folder)
        for path in self.files():
            copy = folder / path.relative_to(self.folder)
            copy.parent.mkdir(parents=True, exist_ok=True)
            link_or_copy(path, copy)

    def files(self) -> Iterator[Path]:
        """Yield the files of the model, weights for training included where they are beside the graphs."""
        yield from (path for path in checksums.files(self.folder) if path.name != checksums.CHECKSUMS)

    def _needed(self, samples: Sequence[Sample]) -> list[int] | None:
        """Return the encoders that read a side which some sample has; None for all of them."""
        return self._reading(
            {"image": any(s.image is not None for s in samples), "text": any(s.text.strip() for s in samples)}
        )

    def _reading(self, sides: Mapping[str, bool]) -> list[int] | None:
        return [tower.encoder for tower in self.about.towers if any(sides[side] for side in tower.reads)] or None

    def _part(self, name: str) -> NetworkPart:
        if self.about.sides is not None and name.startswith("head"):
            return Sides(**self.about.sides)
        tower = next((tower for tower in self.about.towers if tower.name == name), None)
        if name in self.about.graphs:
            graph = graphs.opened(self.folder / self.about.graphs[name], once=self._once)
            adapter = self.about.adapters.get(name)
            return graph if adapter is None or tower is None else AdaptedTower(graph, tower, adapter)
        computes = None if tower is None else computing(self._preparations.of(tower.encoder))
        if computes is None or tower is None:
            raise TwinlensError(f"{self.folder / FILE} names no graph for the part {name}; {AGAIN}")
        return ComputedTower(computes, tower)

    def __getstate__(self) -> Mapping[str, Any]:
        """Keep the place alone for other processes, which open what they need."""
        return {"folder": self.folder, "about": self.about, "allow_plugins": self.allow_plugins}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]


def link_or_copy(path: Path, copy: Path) -> None:
    """Let two names share one file where the disk allows it, else copy; files of models are never changed in place."""
    source = path.resolve()  # caches of the hub are full of links
    try:
        os.link(source, copy)
    except OSError:
        shutil.copyfile(source, copy)
