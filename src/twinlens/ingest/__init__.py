"""Pictures into a collection: scan → decode → embed → commit, to be stopped and taken up again at any moment."""

from __future__ import annotations

from twinlens.ingest.decoding import Limits
from twinlens.ingest.pipeline import ingest, reembed
from twinlens.ingest.report import Options, Report
from twinlens.ingest.scan import Scan, scan
from twinlens.ingest.watching import fingerprint, watch

__all__ = [
    "Limits",
    "Options",
    "Report",
    "Scan",
    "fingerprint",
    "ingest",
    "reembed",
    "scan",
    "watch",
]
