"""One table of operators for all exports of a process: torch makes it again for each, which takes longer than a toy."""

from __future__ import annotations

import functools
from contextlib import suppress
from typing import Any

import torch.onnx

_export = torch.onnx.export


def share() -> None:
    """Let the first export, of which few tests make one, see to it that others take its table."""
    torch.onnx.export = _with_one_table


def _with_one_table(*arguments: Any, **options: Any) -> Any:
    _keep_table()
    return _export(*arguments, **options)


@functools.cache
def _keep_table() -> None:
    with suppress(ImportError, AttributeError):  # a torch that keeps its table elsewhere is only slower
        from torch.onnx._internal.exporter._registration import ONNXRegistry

        table = functools.cache(ONNXRegistry.from_torchlib)
        ONNXRegistry.from_torchlib = staticmethod(lambda **version: table(**version))
