"""Settings of other libraries that keep them from reporting to their makers; a variable that the user sets stays."""

from __future__ import annotations

import os

SILENT = {
    # Otherwise ONNX Runtime writes a device id into the user's cache and sends events.
    "ORT_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    # Otherwise transformers has a service of the hub convert a checkpoint, and takes weights that nobody has approved.
    "DISABLE_SAFETENSORS_CONVERSION": "1",
}
"""Environment variables, which these libraries read when they are imported or called."""


def silence() -> None:
    """Set the variables; before the libraries are imported."""
    for name, value in SILENT.items():
        os.environ.setdefault(name, value)
