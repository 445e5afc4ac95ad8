"""People's own pictures: a collection that is added to, searched, verified and repaired.

Named here is what every search needs, each imported when it is first used, so that a part such as the store can be had
without the rest; what else there is, such as `items.Item`, is taken from its own file.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from twinlens.collection.collection import Collection
    from twinlens.collection.model import Model
    from twinlens.collection.search.records import Hits
    from twinlens.collection.search.request import SearchRequest

__all__ = ["Collection", "Hits", "Model", "SearchRequest"]
_HOME = {"Collection": "collection", "Model": "model", "Hits": "search.records", "SearchRequest": "search.request"}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
