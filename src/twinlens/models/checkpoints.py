"""CLIP and SigLIP checkpoints that have been exported, by the names that recipes give."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from twinlens.core import hub
from twinlens.core.recipe import Recipe, Variant
from twinlens.core.source import Source
from twinlens.core.types import TwinlensError
from twinlens.models.exported import ExportedModel
from twinlens.models.exported.importing import find, imported

EXPORTS = {"laion/CLIP-ViT-B-32-laion2B-s34B-b79K": "immich-app/ViT-B-32__laion2b-s34b-b79k"}
"""Checkpoints of the hub, and where others have put the same networks as ONNX graphs."""


def with_checkpoint(recipe: Recipe, checkpoint: str | None) -> Recipe:
    """Return the recipe with another checkpoint, NAME or NAME@REVISION: a CLIP in both towers, or a multimodal one.

    Raises TwinlensError if it has neither.
    """
    if checkpoint is None:
        return recipe
    if not (_is_clip(recipe) or all(part.name == "multimodal" for part in recipe.encoders)):
        raise TwinlensError(f"--checkpoint is for the recipe clip; {recipe.name} has no CLIP, and is not universal")
    name, _, revision = (checkpoint, "", "") if Path(checkpoint).exists() else checkpoint.partition("@")
    source = {"checkpoint": name, **({"revision": revision} if revision else {})}
    return recipe.model_copy(update={"encoders": tuple(_read_from(part, source) for part in recipe.encoders)})


def named(part: Variant) -> tuple[str, str | None]:
    """Return the checkpoint of an encoder, and its revision."""
    return str(part.options["checkpoint"]), part.options.get("revision")


def exported(recipe: Recipe, report: Callable[[str], object] = str) -> ExportedModel | None:
    """Load the exported towers of a CLIP recipe: a checkpoint in one of the layouts, or a known export of it.

    What is on this machine comes first, then the hub. None for other recipes, where neither has an export, and where
    the checkpoint itself is here, for torch.
    """
    if (found := _kept(recipe)) is None and _is_clip(recipe) and hub.is_missing(*named(recipe.encoders[0])):
        found = _at_hub(recipe)
    if found is None:
        return None
    source, layout = found
    report(f"recipe {recipe.name}: {source.name}, exported")
    return imported(source, layout, recipe)


def check_folder(checkpoint: str | None) -> None:
    """Raise TwinlensError for a checkpoint that is given as a folder, and is none, or holds none."""
    if checkpoint is None:
        return
    folder = Path(checkpoint).expanduser()
    if not folder.is_dir() and checkpoint.startswith((".", "/", "~")):
        raise TwinlensError(f"there is no folder {checkpoint}; give that of a checkpoint, or its name at the hub")
    if folder.is_dir() and not any(folder.rglob("*config.json")) and not any(folder.rglob("*preprocess_cfg.json")):
        raise TwinlensError(f"{checkpoint} holds no checkpoint: neither config.json nor preprocess_cfg.json is in it")


def within_reach(recipe: Recipe) -> bool:
    """Return True if a checkpoint of a CLIP recipe is on this machine, or the hub confirms within seconds."""
    return _kept(recipe) is not None or hub.within_reach(*named(recipe.encoders[0]))


def _kept(recipe: Recipe) -> tuple[Source, str] | None:
    sources = (replace(source, local=True) for source in _sources(recipe))
    return next(((source, layout) for source in sources if (layout := find(source)) is not None), None)


def _at_hub(recipe: Recipe) -> tuple[Source, str] | None:
    try:
        return next(((source, found) for source in _sources(recipe) if (found := find(source)) is not None), None)
    except TwinlensError:  # the hub does not answer
        return None


def _sources(recipe: Recipe) -> list[Source]:
    if not _is_clip(recipe):
        return []
    name, revision = named(recipe.encoders[0])
    known = [Source(EXPORTS[name])] if name in EXPORTS and revision is None else []
    return [*known, Source(name, revision)]


def _is_clip(recipe: Recipe) -> bool:
    return all(part.name.startswith("clip_") for part in recipe.encoders)


def _read_from(part: Variant, source: dict[str, str]) -> Variant:
    """Return an encoder with another checkpoint; the revision of the one before means nothing for it."""
    options = {key: value for key, value in part.options.items() if key != "revision"}
    return Variant(name=part.name, **{**options, **source})
