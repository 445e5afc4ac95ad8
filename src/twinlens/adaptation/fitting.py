"""Training of a fusion on the features of frozen encoders, and its return into their model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from twinlens.adaptation.embedded_gallery import BlockFusion, EmbeddedGallery, Frozen
from twinlens.collection.store import Vectors
from twinlens.core.recipe import Recipe, Training, Variant
from twinlens.core.types import Dataset
from twinlens.fusions.learned import Learned
from twinlens.models.composer import Composer
from twinlens.training import loop
from twinlens.training.run import Epoch

SETTINGS = Training(epochs=40, batch_size=128, learning_rate=1e-3, patience=6, rejected_per_query=0, frozen=("frozen",))
"""An epoch is seconds: vectors are there, and a fusion is small."""
SIDES = ("shared", "named")
"""Options that say how pictures and words are compared; they go with the encoders, not with the fusion."""


def fit(
    known: EmbeddedGallery,
    frozen: Frozen,
    name: str,
    train: Dataset,
    validation: Dataset,
    *,
    seed: int,
    epochs: int | None = None,
    precision: str | None = None,
    device: str = "auto",
    progress: bool = False,
) -> tuple[Composer, list[Epoch]]:
    """Train a fusion from scratch; return it as a model with the collection's encoders, and the epochs.

    Raises TwinlensError for a fusion that composes scores, and has nothing to learn, or does not fit the encoders.
    """
    model = with_method(known.composer, name, seed=seed)
    assert isinstance(model.fusion, Learned)
    given = {key: value for key, value in (("epochs", epochs), ("precision", precision)) if value is not None}
    settings = SETTINGS.model_copy(update=given)
    recipe = Recipe(
        name=name,
        dim=model.recipe.dim,
        encoders=(Variant(name="frozen"),),
        fusion=Variant(name=name),
        training=settings,
    )
    learner = Composer(recipe, [frozen], model.fusion.method)
    done = loop.train(learner, train, validation, seed=seed, device=device, progress=progress)
    learner.to("cpu")
    return model.eval(), done


def with_method(composer: Composer, name: str, *, seed: int = 0) -> Composer:
    """Return the composer with an untrained fusion of a method beside its own comparisons."""
    part = Variant(name="learned", **{**_sides(composer), "method": name})
    return composer.with_fusion(part, seed=seed).eval()


def with_share(composer: Composer, share: float) -> Composer:
    """Return the same trained fusion with another share in the score."""
    part = composer.recipe.fusion
    weighed = composer.with_fusion(Variant(name=part.name, **{**part.options, "share": share})).eval()
    weighed.fusion.load_state_dict(composer.fusion.state_dict())
    return weighed


def plain(composer: Composer) -> Composer:
    """Return the composer without a trained fusion: with the fusion `calibrated`."""
    return composer.with_fusion(Variant(name="calibrated", **_sides(composer))).eval()


def is_learned(composer: Composer) -> bool:
    """Return True if a composer has a fusion that was trained on a collection."""
    return isinstance(composer.fusion, Learned)


def converter(old: BlockFusion, new: BlockFusion) -> Callable[[Vectors], Vectors]:
    """Return the conversion of vectors (N, D) of one fusion into those (N, D') of another over the same encoders."""

    @torch.inference_mode()
    def convert(vectors: Vectors) -> Vectors:
        converted: Vectors = new(*old.split_sides(torch.from_numpy(vectors))).numpy()
        return converted

    return convert


def _sides(composer: Composer) -> dict[str, Any]:
    return {key: value for key, value in composer.recipe.fusion.options.items() if key in SIDES}
