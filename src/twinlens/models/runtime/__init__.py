"""A saved model at this machine's speed: the fastest way to run each network that gives what plain torch gives.

Importing this room imports no torch: where that is trusted, ONNX Runtime and a tokenizer alone embed a sentence.
"""

from __future__ import annotations

from twinlens.models.runtime.runtime import MODES, Runtime, about, accelerated, check_mode, load, told, tuned

__all__ = ["MODES", "Runtime", "about", "accelerated", "check_mode", "load", "told", "tuned"]
