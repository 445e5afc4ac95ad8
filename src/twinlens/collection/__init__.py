"""People's own pictures: a collection that is added to, searched, verified and repaired."""

from __future__ import annotations

from twinlens.collection import receipts
from twinlens.collection.collection import Collection
from twinlens.collection.maintenance import Info, Repair
from twinlens.collection.receipts import Replay
from twinlens.collection.search.query import Model, Query
from twinlens.collection.search.scoring import Hits

__all__ = ["Collection", "Hits", "Info", "Model", "Query", "Repair", "Replay", "receipts"]
