"""Starting an encoder from a model that is trained already: one's own by its folder, or a shipped one by its name."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file

from twinlens.core import hub
from twinlens.core.recipe import Recipe
from twinlens.core.types import TwinlensError
from twinlens.encoders import Encoder

OPTION = "start"


def load_weights(encoder: Encoder, name: str, model: str | None) -> None:
    """Give an encoder, a variant by its `name`, the weights and the vocabulary that it has in a model.

    model: a model folder, the name of a shipped model, or None for nothing. Nothing is read for a saved model either,
    which brings its own. Raises TwinlensError when there is no such model, or its encoder is another.
    """
    if model is None or hub.is_kept(model):
        return
    folder = _folder(model)
    names = [part.name for part in Recipe.read(folder / "recipe.toml").encoders]
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
    """Among an encoder's assets: that a saved model needs no other model to start from."""
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
