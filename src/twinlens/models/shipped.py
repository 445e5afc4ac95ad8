"""The models that ship with the package, by name."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from twinlens.core.types import TwinlensError

RECIPE = "recipe.toml"
"""The file without which a folder holds no model."""


def names() -> list[str]:
    """List the names of the models that the package ships."""
    return sorted(path.parent.name for path in _home().glob(f"*/{RECIPE}"))


def located(model: str | Path) -> Path:
    """Return the folder of a model: a folder, or the name of one that ships where there is no such folder.

    Raises TwinlensError if there is neither.
    """
    folder = Path(model).expanduser()
    if folder.is_dir():
        return folder
    if str(model) not in names():
        raise TwinlensError(f"no such model folder: {folder}; models that ship are {', '.join(names())}")
    return _home() / str(model)


def _home() -> Path:
    return Path(str(resources.files("twinlens"))) / "models"
