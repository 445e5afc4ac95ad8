"""People's own pictures: a collection that is added to, searched, verified and repaired."""

from __future__ import annotations

from twinlens.collection import receipts
from twinlens.collection.collection import Collection
from twinlens.collection.items import Item
from twinlens.collection.maintenance import FileCheck, Info
from twinlens.collection.model import Model
from twinlens.collection.receipts import Replay
from twinlens.collection.repairing import Repair
from twinlens.collection.search.records import Hits
from twinlens.collection.search.request import SearchRequest
from twinlens.core.explanation import Explanation

__all__ = [
    "Collection",
    "Explanation",
    "FileCheck",
    "Hits",
    "Info",
    "Item",
    "Model",
    "Repair",
    "Replay",
    "SearchRequest",
    "receipts",
]
