"""twinlens finds images with two lenses at once: a picture and a sentence.

The names below are the public API; each is imported when it is first used, so that `import twinlens` costs nothing.
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import TYPE_CHECKING, Any

from twinlens.version import __version__ as __version__

if TYPE_CHECKING:
    from twinlens.collection import Collection
    from twinlens.collection.items import Item
    from twinlens.core.recipe import Recipe, find_recipe
    from twinlens.core.types import Dataset, Hit, Ranking, Sample, TwinlensError
    from twinlens.evaluation.evaluate import evaluate
    from twinlens.models.composer import Composer
    from twinlens.training.loop import train

__all__ = [
    "Collection",
    "Composer",
    "Dataset",
    "Hit",
    "Item",
    "Ranking",
    "Recipe",
    "Sample",
    "TwinlensError",
    "evaluate",
    "find_recipe",
    "train",
]
_HOME = {
    "Collection": "collection",
    "Item": "collection.items",
    "Composer": "models.composer",
    "Recipe": "core.recipe",
    "find_recipe": "core.recipe",
    "evaluate": "evaluation.evaluate",
    "train": "training.loop",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'twinlens' has no attribute {name!r}")
    from twinlens.core import extras

    with extras.needed(extras.EXTRA_OF_NAME.get(name)):
        return getattr(importlib.import_module(f"twinlens.{_HOME.get(name, 'core.types')}"), name)


def __dir__() -> list[str]:
    from twinlens.core import extras

    has_torch = importlib.util.find_spec("torch") is not None
    return sorted(name for name in __all__ if has_torch or name not in extras.EXTRA_OF_NAME)
