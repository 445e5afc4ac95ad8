"""Photographs of free licence that ship, with captions and credits, and queries with answers stated beforehand."""

from __future__ import annotations

from twinlens.photographs.queries import KINDS, PhotographQuery, copy_pictures, load_queries

__all__ = ["KINDS", "PhotographQuery", "copy_pictures", "load_queries"]
