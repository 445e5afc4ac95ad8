"""The folder of a collection: one SQLite file is the truth, and everything beside it can be made again.

collection.sqlite   rows and vectors, committed together      model/DIGEST/   the composer that made the vectors
cache/              the vectors as one memory-mapped matrix   writer.lock     held by the one process that writes
"""

from __future__ import annotations

from twinlens.collection.store.check import DAMAGED, damaged_vectors, faults, salvage
from twinlens.collection.store.contents import Contents, Runs, contents, expanded, runs
from twinlens.collection.store.database import DATABASE
from twinlens.collection.store.gallery import Block, Gallery, gallery
from twinlens.collection.store.lock import writing
from twinlens.collection.store.matrix import Matrix
from twinlens.collection.store.models import keep_model, remove_models
from twinlens.collection.store.rows import Entry, Generation
from twinlens.collection.store.store import Rows, State, Store, Vectors

__all__ = [
    "DAMAGED",
    "DATABASE",
    "Block",
    "Contents",
    "Entry",
    "Gallery",
    "Generation",
    "Matrix",
    "Rows",
    "Runs",
    "State",
    "Store",
    "Vectors",
    "contents",
    "damaged_vectors",
    "expanded",
    "faults",
    "gallery",
    "keep_model",
    "remove_models",
    "runs",
    "salvage",
    "writing",
]
