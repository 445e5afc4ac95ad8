"""Indexing: scan → decode → embed → commit, which can be stopped and resumed at any moment."""

from __future__ import annotations

from twinlens.collection.ingest.decoding import Limits
from twinlens.collection.ingest.options import Options, Protection, Report
from twinlens.collection.ingest.pipeline import ingest, reembed
from twinlens.collection.ingest.scan import Scan, scan
from twinlens.collection.ingest.watching import fingerprint, watch

__all__ = [
    "Limits",
    "Options",
    "Protection",
    "Report",
    "Scan",
    "fingerprint",
    "ingest",
    "reembed",
    "scan",
    "watch",
]
