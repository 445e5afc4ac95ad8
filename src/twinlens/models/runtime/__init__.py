"""Runtime: the fastest way to run each network here whose vectors agree with plain torch.

Importing this package imports no torch: ONNX Runtime and a tokenizer alone embed a sentence where that is trusted.
"""

from __future__ import annotations

from twinlens.models.runtime.describing import describe, measurements
from twinlens.models.runtime.runtime import MODES, Runtime, accelerated, check_mode, load, tuned

__all__ = ["MODES", "Runtime", "accelerated", "check_mode", "describe", "load", "measurements", "tuned"]
