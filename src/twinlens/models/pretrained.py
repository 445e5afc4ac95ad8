"""Composers that need no training: shipped ones, and recipes made of pretrained parts only. All of this needs torch."""

from __future__ import annotations

from collections.abc import Callable
from importlib import resources
from pathlib import Path

from twinlens.core import hub
from twinlens.core.recipe import Recipe, find_recipe
from twinlens.core.types import TwinlensError
from twinlens.models.checkpoints import named, with_checkpoint
from twinlens.models.composer import RECIPE, Composer


def ready(recipe: str, *, checkpoint: str | None = None, report: Callable[[str], object] = str) -> Composer:
    """Load the model of a recipe that needs no training, in evaluation mode.

    checkpoint: a CLIP or SigLIP, NAME or NAME@REVISION at the hub or a folder, in place of the recipe's own. report: a
    callback for a readable line that names the chosen model, called before a download. Raises TwinlensError for an
    unknown recipe, one that must be trained first, and a checkpoint or package that is not available.
    """
    if checkpoint is None and recipe in shipped():
        return _load_shipped(recipe)
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


def shipped() -> list[str]:
    """List the names of the models that the package ships."""
    folder = resources.files("twinlens") / "models"
    return sorted(model.name for model in folder.iterdir() if (model / RECIPE).is_file())


def load(model: str | Path) -> Composer:
    """Load a model by its folder, or by the name of one that ships where there is no such folder.

    Raises TwinlensError if there is neither.
    """
    folder = Path(model).expanduser()
    if folder.is_dir():
        return Composer.load(folder)
    known = shipped()
    if str(model) not in known:
        raise TwinlensError(f"no such model folder: {folder}; models that ship are {', '.join(known)}")
    return _load_shipped(str(model))


def _load_shipped(name: str) -> Composer:
    with resources.as_file(resources.files("twinlens") / "models" / name) as folder:
        return Composer.load(folder)


def _about(recipe: Recipe) -> str:
    used = {named(part) for part in recipe.encoders if "checkpoint" in part.options}
    names = sorted(name if revision is None else f"{name}@{revision}" for name, revision in used)
    fetched = any(hub.is_missing(*checkpoint) for checkpoint in used)
    return f"recipe {recipe.name}: {', '.join(names)}" + (", fetched once from the hub" if fetched else "")
