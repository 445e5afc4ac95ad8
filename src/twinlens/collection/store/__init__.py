"""The folder of a collection: one SQLite file is the truth, and what is beside it can be made again.

collection.sqlite   rows and vectors, committed together      model/DIGEST/   the composer that made the vectors
cache/              the vectors as one memory-mapped matrix   writer.lock     held by the one process that writes
pictures/           those of items, which have no file elsewhere: ITEM~HASH.png
adaptation.json     attempts to adopt a trained fusion, counted; that and the pictures cannot be made again
"""

from __future__ import annotations

from twinlens.collection.store.database import DAMAGE, DamageError
from twinlens.collection.store.gallery import Block, Gallery, gallery
from twinlens.collection.store.layout import (
    ATTEMPTS,
    DAMAGED,
    DATABASE,
    MODELS,
    MOVE_AWAY,
    PICTURES,
    check_kinds,
    check_new,
    is_file,
    remove_database,
    remove_drafts,
    share_mode,
)
from twinlens.collection.store.lock import lock_fault, mend_lock, release_new, writing
from twinlens.collection.store.matrix import Matrix
from twinlens.collection.store.models import keep_model, lacks_checksums, model_fault, model_folders, remove_models
from twinlens.collection.store.pictures import follow, is_moved, keep, mark, tidy
from twinlens.collection.store.reading import Rows, State, Vectors
from twinlens.collection.store.rows import Entry, Generation
from twinlens.collection.store.store import Store

__all__ = [
    "ATTEMPTS",
    "DAMAGE",
    "DAMAGED",
    "DATABASE",
    "MODELS",
    "MOVE_AWAY",
    "PICTURES",
    "Block",
    "DamageError",
    "Entry",
    "Gallery",
    "Generation",
    "Matrix",
    "Rows",
    "State",
    "Store",
    "Vectors",
    "check_kinds",
    "check_new",
    "follow",
    "gallery",
    "is_file",
    "is_moved",
    "keep",
    "keep_model",
    "lacks_checksums",
    "lock_fault",
    "mark",
    "mend_lock",
    "model_fault",
    "model_folders",
    "release_new",
    "remove_database",
    "remove_drafts",
    "remove_models",
    "share_mode",
    "tidy",
    "writing",
]
