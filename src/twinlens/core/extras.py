"""Extras of the package: which one installs a module that the core does without."""

from __future__ import annotations

EXTRA_OF = {
    **dict.fromkeys(("torch", "torchvision", "transformers"), "torch"),
    **dict.fromkeys(("onnx", "onnxscript"), "export"),
    **dict.fromkeys(("scipy", "sklearn", "matplotlib"), "eval"),
    "cv2": "paper",
    **dict.fromkeys(("torchmetrics", "pycocotools"), "detector"),
}
"""Module → the smallest extra with it."""


def missing(error: ModuleNotFoundError) -> str:
    """Return a line that says what to install. Raises the error again for a module that is in no extra."""
    module = (error.name or "").partition(".")[0]
    if module not in EXTRA_OF:
        raise error
    return f"this needs {module}, which is not installed; install with: pip install 'twinlens[{EXTRA_OF[module]}]'"
