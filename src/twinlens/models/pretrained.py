"""Composers that need no training: shipped ones, and recipes made of pretrained parts only. All of this needs torch."""

from __future__ import annotations

from collections.abc import Callable

from twinlens.core import hub
from twinlens.core.recipe import Recipe, find_recipe
from twinlens.core.types import TwinlensError
from twinlens.models import shipped
from twinlens.models.checkpoints import named, with_checkpoint
from twinlens.models.composer import Composer


def ready(recipe: str, *, checkpoint: str | None = None, report: Callable[[str], object] = str) -> Composer:
    """Load the model of a recipe that needs no training, in evaluation mode.

    checkpoint: one of the same kind, NAME or NAME@REVISION at the hub or a folder, in place of the recipe's own.
    report: a callback for a readable line that names the chosen model, called before a download. Raises TwinlensError
    for an unknown recipe, one that must be trained first, and a checkpoint or package that is not available.
    """
    if checkpoint is None and recipe in shipped.names():
        return Composer.load(recipe)
    pipeline = with_checkpoint(find_recipe(recipe), checkpoint)
    if all(part.name in pipeline.training.frozen for part in pipeline.encoders):
        report(_about(pipeline))
        composer = Composer.build(pipeline).eval()
        if not any(parameter.requires_grad for parameter in composer.fusion.parameters()):
            return composer
    raise TwinlensError(
        f"twinlens ships no trained model for the recipe {recipe}; make one with twinlens train --recipe {recipe}"
        " --out DIR and give it as --model DIR"
    )


def _about(recipe: Recipe) -> str:
    used = {named(part) for part in recipe.encoders if "checkpoint" in part.options}
    names = sorted(name if revision is None else f"{name}@{revision}" for name, revision in used)
    fetched = any(hub.is_missing(*checkpoint) for checkpoint in used)
    return f"recipe {recipe.name}: {', '.join(names)}" + (", fetched once from the hub" if fetched else "")
