"""People's own pictures: a collection that is added to, searched, verified and repaired."""

from __future__ import annotations

from twinlens.collection import receipts
from twinlens.collection.answers import Hits
from twinlens.collection.collection import Collection
from twinlens.collection.query import Model, Query
from twinlens.collection.receipts import Replay
from twinlens.collection.upkeep import Info, Repair

__all__ = ["Collection", "Hits", "Info", "Model", "Query", "Repair", "Replay", "receipts"]
