"""A saved model at this machine's speed: the fastest way to run each network that gives what plain torch gives.

Importing this room imports no torch: where that is trusted, ONNX Runtime and a tokenizer alone embed a sentence.
"""

from __future__ import annotations

from twinlens.models.runtime.runtime import MODES, Runtime, accelerated, check_mode, describe, load, measurements, tuned

__all__ = ["MODES", "Runtime", "accelerated", "check_mode", "describe", "load", "measurements", "tuned"]
