"""Preparations as JSON and a folder of files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from twinlens.core import variants
from twinlens.core.types import TwinlensError
from twinlens.preparation import Preparation


def to_json(preparation: Preparation) -> dict[str, Any]:
    """Return a preparation's name and settings."""
    return {"name": preparation.name, **preparation.settings()}


def restored(entry: Mapping[str, Any], folder: Path) -> Preparation:
    """Make a preparation from the result of `to_json` and its folder of files. Raises TwinlensError for a wrong one."""
    settings = dict(entry)
    kind = variants.variant_class("preparation", str(settings.pop("name", "")))
    try:
        preparation: Preparation = kind.restore(folder, **settings)
    except (TypeError, ValueError) as error:
        raise TwinlensError(f"{folder}: the settings of the preparation {kind.name} are damaged: {error}") from error
    return preparation
