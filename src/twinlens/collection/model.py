"""The model of a collection, as far as a collection needs one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from os import PathLike
from pathlib import Path
from typing import Protocol, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from twinlens.calibration import Channel
from twinlens.core.arguments import as_path, as_text, shown
from twinlens.core.types import Embedder, Sample, Similarity, TwinlensError


class Named(Protocol):
    """A recipe, as far as a collection needs one."""

    @property
    def name(self) -> str:
        """Return the name that people know it by."""


class Model(Embedder, Protocol):
    """Turns samples into vectors and defines how vectors are compared; `Composer` and `Runtime` are such models."""

    @property
    def recipe(self) -> Named:
        """Return the recipe it was built from."""

    @property
    def dim(self) -> int:
        """Return the width D of its vectors."""

    @property
    def digest(self) -> str:
        """Return a hexadecimal content hash; equal digests give equal vectors."""

    @property
    def rerank(self) -> str | None:
        """Return the stage, NAME or NAME:N, that reranks the answers of searches which name none."""

    @property
    def channels(self) -> Sequence[Channel]:
        """Return the channels by which its vectors are compared; none: whole, by their cosine."""

    @property
    def own_similarity(self) -> Similarity | None:
        """Return the similarity of its vectors where that is no inner product; else None."""

    def embed(self, samples: Sequence[Sample], /) -> NDArray[np.float32]:
        """Return unit vectors (N, D)."""

    def save(self, folder: Path, /) -> None:
        """Write the model folder."""


NO_GATE = (
    "the model has no gate over a map of the picture, or was exported by a version that left it out; export it again"
)


def gate_map(model: Model, sample: Sample) -> tuple[NDArray[np.float32] | None, str | None]:
    """Return how far the gate of a model is open over a sample's picture (H, W), 0 to 1; or None, and the reason.

    A model offers it by a method `gate_map(sample)`, which returns None where there is no such gate.
    """
    of_model: Callable[[Sample], NDArray[np.float32] | None] | None = getattr(model, "gate_map", None)
    found = None if of_model is None else of_model(sample)
    return (found, None) if found is not None else (None, NO_GATE)


def check_model(name: str, given: object) -> Model:
    """Check that an argument is a model, and return it. Raises TwinlensError for what cannot be one."""
    if all(callable(getattr(given, method, None)) for method in ("embed", "save")) and hasattr(given, "digest"):
        return cast("Model", given)
    raise TwinlensError(f"{name} wants a model, not {shown(given)}; give twinlens.Composer.load(folder), or .build")


def chosen(given: Model | Path | str | None, recipe: str | None, allow_plugins: Sequence[str] = ()) -> Model:
    """Return a model that is given, or load that of a folder, or of a recipe that needs no training; else "auto".

    Raises TwinlensError for both, for a folder or a recipe that is unknown, and for what is no model.
    """
    if given is not None and recipe is not None:
        raise TwinlensError("create takes a model or the name of a recipe, not both; leave one out")
    if given is not None and not isinstance(given, str | PathLike):
        return check_model("create", given)
    from twinlens.models import serving  # whoever opens a collection needs none of it

    if given is not None:
        return serving.load(as_path("create", given), allow_plugins=allow_plugins)
    return serving.ready(serving.AUTO if recipe is None else as_text("recipe", recipe))


Load: TypeAlias = Callable[[Path], Model]
"""Reads a model folder."""
