"""Initialising an encoder from a trained model: one's own by its folder, or a shipped one by its name."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file

from twinlens.core import checksums, hub
from twinlens.core.recipe import Recipe
from twinlens.core.types import TwinlensError
from twinlens.encoders import Encoder

OPTION = "start"
"""The encoder's option that names the model, and the asset that tells a saved encoder needs none."""


def load_weights(encoder: Encoder, name: str, model: str | None) -> None:
    """Load weights and assets into an encoder, from the encoder of the same variant `name` in a model.

    model: a model folder or the name of a shipped model. Without one nothing is loaded, nor for an encoder of a saved
    model, which has weights of its own. Raises TwinlensError when there is no such model, or its encoder differs.
    """
    if model is None or hub.is_kept(model):
        return
    folder = _folder(model)
    checksums.check(folder)
    names = [part.name for part in Recipe.read_saved(folder / "recipe.toml").encoders]
    if name not in names:
        raise TwinlensError(f"the model {model} has no encoder {name!r}, only {', '.join(names)}")
    number = names.index(name)
    prefix = f"encoders.{number}."
    encoder.load_assets(folder / f"encoder-{number}")
    try:
        tensors = load_file(folder / "model.safetensors")
        encoder.load_state_dict({k.removeprefix(prefix): t for k, t in tensors.items() if k.startswith(prefix)})
    except (OSError, SafetensorError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise TwinlensError(f"the encoder {name!r} of the model {model} does not fit this recipe: {reason}") from error


def mark_saved(model: str | None, folder: Path) -> None:
    """Record among an encoder's assets that it has weights and needs no model to start from."""
    if model is not None:
        hub.keep({}, folder / OPTION)


def _folder(model: str) -> Path:
    shipped = Path(str(resources.files("twinlens"))) / "models"
    for folder in (Path(model).expanduser(), shipped / model):
        if (folder / "recipe.toml").is_file():
            return folder
    known = sorted(path.parent.name for path in shipped.glob("*/recipe.toml"))
    raise TwinlensError(
        f"no model {model!r} to start from; give a model folder, or one of: {', '.join(known) or 'none'}"
    )
