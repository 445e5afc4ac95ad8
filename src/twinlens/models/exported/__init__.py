"""Exported models: networks as ONNX graphs, run by ONNX Runtime without torch; made here, or by others."""

from __future__ import annotations

from twinlens.models.exported.about import FILE
from twinlens.models.exported.exported import ExportedModel

__all__ = ["FILE", "ExportedModel"]
