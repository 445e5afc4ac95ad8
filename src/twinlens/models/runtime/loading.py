"""Opening the model of a collection."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twinlens.core.types import TwinlensError
from twinlens.models.runtime.runtime import OTHER_WEIGHTS, Runtime, check_mode

EXPORT = "export.json"
"""The file that tells an exported model, as in `models.exported`."""


def load(folder: Path, *, mode: str = "auto") -> Any:
    """Open the model of a collection lazily; its folder is named by the model's digest.

    An export runs by ONNX Runtime alone, a composer as was measured to be best. Raises TwinlensError for an unknown
    mode; for a model that has another digest, once it is used.
    """
    if (folder / EXPORT).is_file() and check_mode(mode) in ("auto", "onnx"):
        from twinlens.models.exported import Exported

        exported = Exported.load(folder)
        if exported.digest != folder.name:
            raise TwinlensError(f"{OTHER_WEIGHTS} ({folder}); put that back: twinlens repair --model DIR")
        return exported
    return Runtime(folder=folder, digest=folder.name, mode=mode)
