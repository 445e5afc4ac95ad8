"""Extras of the package: which one installs a module that the core does without."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from twinlens.core.types import TwinlensError

EXTRA_OF = {
    **dict.fromkeys(("torch", "torchvision", "transformers"), "torch"),
    **dict.fromkeys(("onnx", "onnxscript"), "export"),
    **dict.fromkeys(("scipy", "sklearn", "matplotlib"), "eval"),
    "cv2": "paper",
    **dict.fromkeys(("torchmetrics", "pycocotools"), "detector"),
    **dict.fromkeys(("fastapi", "httpx2", "prometheus_client", "python_multipart", "starlette", "uvicorn"), "serve"),
    "mcp": "mcp",
    "faiss": "faiss",
    "pyarrow": "parquet",
    "datasets": "datasets",
    "ray": "ray",
    "fsspec": "fsspec",
    "psycopg": "pgvector",
    "pymilvus": "milvus",
}
"""Module → the smallest extra with it."""


EXTRA_OF_NAME = {"Composer": "torch", "evaluate": "train", "train": "train"}
"""Name that `twinlens` exports → the extra with all that it needs."""
EXTRA_OF_COMMAND = {
    "train": "train",
    "compare": "train",
    "evaluate": "train",
    "export": "export",
    "serve": "serve",
    "mcp": "mcp",
}
"""Command → the extra with all that it needs."""


class MissingExtraError(TwinlensError, ImportError):
    """The error of a module that the core does without: one line that says what to install."""


def missing(error: ModuleNotFoundError, extra: str | None = None) -> str:
    """Return a line that says what to install: an extra, or else the smallest one with the module.

    Raises the error again for a module that is in no extra.
    """
    module = (error.name or "").partition(".")[0]
    if module not in EXTRA_OF:
        raise error
    extra = extra or EXTRA_OF[module]
    return f"this needs {module}, which is not installed; install with: pip install 'twinlens[{extra}]'"


@contextmanager
def needed(extra: str | None = None) -> Iterator[None]:
    """Raise MissingExtraError for a module that is missing within; see `missing`."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise MissingExtraError(missing(error, extra)) from error
