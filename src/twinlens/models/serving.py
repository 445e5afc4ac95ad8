"""Models for collections: exported ones wherever there are any, since they need no torch."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from twinlens.core import extras, hub, packaged
from twinlens.core.extras import MissingExtraError
from twinlens.core.machine import default_cache
from twinlens.core.recipe import Recipe, find_recipe
from twinlens.core.source import Source
from twinlens.core.types import TwinlensError
from twinlens.models import checkpoints, shipped
from twinlens.models.exported import FILE, ExportedModel
from twinlens.models.exported.importing import find

if TYPE_CHECKING:
    from twinlens.models.composer import Composer

    Servable: TypeAlias = ExportedModel | Composer

AUTO = "auto"
"""Recipe name that stands for `clip` where a checkpoint is on this machine or the hub answers, else for `offline`."""
EXPORTS = "exports"
"""Folder of the user's cache with exports of recipes whose weights are packages."""
_EXPORTER = ("torch", "transformers", "onnx", "onnxscript")


def ready(
    recipe: str = AUTO,
    *,
    checkpoint: str | None = None,
    by_torch: bool = False,
    report: Callable[[str], object] = str,
) -> Servable:
    """Load the model of a recipe that needs no training, exported if there is an export, or one can be made.

    checkpoint: one of the same kind, NAME or NAME@REVISION at the hub or a folder, in place of the recipe's own.
    by_torch: the composer itself is wanted. report: a callback for a readable line that names the chosen model, called
    before a download. Raises TwinlensError for an unknown recipe, one that must be trained first, and what is not
    available; for `AUTO`, with what to install.
    """
    if recipe == AUTO:
        return _automatic(checkpoint, by_torch, report)
    if by_torch:
        return _by_torch(recipe, checkpoint, report)
    if checkpoint is None and recipe in shipped.names():
        return load(recipe)
    pipeline = checkpoints.with_checkpoint(find_recipe(recipe), checkpoint)
    checkpoints.check_folder(checkpoint)
    if (found := checkpoints.exported(pipeline, report)) is not None:
        return found
    packed = _packaged(recipe, pipeline, report) if checkpoint is None else None
    return packed or _by_torch(recipe, checkpoint, report)


def load(model: str | Path, *, by_torch: bool = False, allow_plugins: Sequence[str] = ()) -> Servable:
    """Load a model by its folder, or by the name of one that ships where there is no such folder.

    by_torch: as of `ready`. allow_plugins: as of `Composer.load`. Raises TwinlensError if there is neither.
    """
    folder = shipped.located(model)
    if not by_torch and (folder / FILE).is_file():
        return ExportedModel.load(folder, allow_plugins=allow_plugins)
    if not (folder / shipped.RECIPE).is_file() and find(Source(str(folder), local=True)) is not None:
        raise TwinlensError(f"{folder} holds the towers of a CLIP; give it as a checkpoint: --checkpoint {folder}")
    if not (folder / shipped.RECIPE).is_file():
        raise TwinlensError(f"{folder} holds no model (it has no {shipped.RECIPE}); give the folder of a model")
    with extras.needed():
        from twinlens.models.composer import Composer

        return Composer.load(folder, allow_plugins=allow_plugins)


def _automatic(checkpoint: str | None, by_torch: bool, report: Callable[[str], object]) -> Servable:
    if checkpoint is not None:
        return ready("clip", checkpoint=checkpoint, by_torch=by_torch, report=report)
    if checkpoints.within_reach(find_recipe("clip")):
        with suppress(MissingExtraError):  # the checkpoint is here, for a torch that is not
            return ready("clip", by_torch=by_torch, report=report)
    try:
        return ready("offline", by_torch=by_torch, report=report)
    except TwinlensError as error:
        raise TwinlensError(
            f"no model for people's own pictures can be had here: {hub.INSTALL_OFFLINE}, or connect once to the hub for"
            " --recipe clip, or give one with --model or --checkpoint (--recipe compact is here, for drawn scenes)"
        ) from error


def _packaged(name: str, recipe: Recipe, report: Callable[[str], object]) -> Servable | None:
    """Load the cached export of a recipe whose weights are packages, made once where torch is; None for other recipes.

    name: that of a recipe that ships, or the path of one. Where torch has a graphics card, or cannot export, the
    composer itself is returned.
    """
    if (key := _key(recipe)) is None:
        return None
    folder = default_cache() / EXPORTS / key
    with suppress(TwinlensError):  # there is none, or a damaged one, which is made again
        found = ExportedModel.load(folder)
        names = sorted({str(part.options["checkpoint"]) for part in recipe.encoders})
        report(f"recipe {recipe.name}: {', '.join(names)}, exported")
        return found
    if not all(map(find_spec, _EXPORTER)):
        return None
    return _exported(_by_torch(name, None, report), folder, report)


def _exported(composer: Composer, folder: Path, report: Callable[[str], object]) -> Servable:
    from twinlens.core.machine import pick_device
    from twinlens.models.exported.writing import write

    if pick_device().type == "cuda":
        return composer
    report(f"recipe {composer.recipe.name}: exporting its networks, once; from then on no torch is needed for it")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
        write(composer, folder)
    except (OSError, TwinlensError) as error:
        report(f"recipe {composer.recipe.name}: not exported ({error}); torch runs it")
        return composer
    return ExportedModel.load(folder)


def _key(recipe: Recipe) -> str | None:
    """Return the name of a recipe's export in the cache; None unless all its weights are packages that are pinned."""
    known = {**packaged.CHECKPOINTS, **packaged.WEIGHTS}
    given = [part.options[key] for part in recipe.encoders for key in ("checkpoint", "words") if key in part.options]
    if not given or any(name not in known for name in given):
        return None
    content = [recipe.to_toml(), *(known[name].checksums for name in given)]
    return hashlib.blake2b(json.dumps(content, sort_keys=True).encode(), digest_size=16).hexdigest()


def _by_torch(recipe: str, checkpoint: str | None, report: Callable[[str], object]) -> Composer:
    is_packaged = checkpoint is None and _key(find_recipe(recipe)) is not None
    with extras.needed("offline" if is_packaged else None):
        from twinlens.models import pretrained

        return pretrained.ready(recipe, checkpoint=checkpoint, report=report)
