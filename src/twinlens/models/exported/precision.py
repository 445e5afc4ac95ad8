"""Graphs with smaller numbers: half the size in float16, a quarter in int8."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypeAlias

from twinlens.core.machine import import_onnxruntime

Precision: TypeAlias = Literal["float32", "float16", "int8"]


def reduce(file: Path, precision: Precision) -> None:
    """Rewrite a graph's weights, and its products, in a precision; inputs and outputs keep theirs."""
    if precision == "float16":
        _to_float16(file)
    elif precision == "int8":
        _to_int8(file)


def _to_float16(file: Path) -> None:
    import onnx

    convert = import_onnxruntime(".transformers.float16").convert_float_to_float16
    onnx.save(convert(onnx.load(file), keep_io_types=True), file)


def _to_int8(file: Path) -> None:
    quantization = import_onnxruntime(".quantization")
    whole = file.with_suffix(".whole.onnx")
    file.rename(whole)
    quantization.quantize_dynamic(whole, file, weight_type=quantization.QuantType.QInt8, per_channel=True)
    whole.unlink()
