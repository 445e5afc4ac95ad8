"""The composer that an exported model was made of, built again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from twinlens.core import plugins
from twinlens.core.recipe import Recipe
from twinlens.core.types import TwinlensError
from twinlens.models.composer import RECIPE, WEIGHTS, Composer
from twinlens.models.exported.about import About


def composer_of(folder: Path, about: About, allow_plugins: Sequence[str] = ()) -> Composer:
    """Load the weights beside the graphs, or build what the recipe names, and check that it is the same model.

    Raises TwinlensError where neither has the weights.
    """
    composer = _built(folder, allow_plugins)
    if composer is None or composer.digest != about.digest:
        raise TwinlensError(
            f"{folder} holds exported networks, and their weights for training are not to be had here; index with a"
            " model that has them: twinlens index DIR --runtime torch"
        )
    return composer


def _built(folder: Path, allow_plugins: Sequence[str]) -> Composer | None:
    """Load the weights, or build a recipe whose encoders are pre-trained; None for one that was trained."""
    if (folder / WEIGHTS).is_file():
        return Composer.load(folder, allow_plugins=allow_plugins)
    recipe = Recipe.read_saved(folder / RECIPE)
    plugins.check(recipe.model_dump(), folder, allow_plugins)
    is_pretrained = all(part.name in recipe.training.frozen for part in recipe.encoders)
    return Composer.build(recipe).eval() if is_pretrained else None
