"""People's own pictures: a collection that is added to, searched, verified and repaired.

Imported here is what every search needs; what else there is, such as `items.Item`, is taken from its own file.
"""

from __future__ import annotations

from twinlens.collection.collection import Collection
from twinlens.collection.model import Model
from twinlens.collection.search.records import Hits
from twinlens.collection.search.request import SearchRequest

__all__ = ["Collection", "Hits", "Model", "SearchRequest"]
