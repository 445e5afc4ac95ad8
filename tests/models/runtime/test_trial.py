"""The choice between the ways to run a part, given what was measured."""

from __future__ import annotations

import pytest

from twinlens.models.runtime.trial import CLEARLY, _chosen


def ways(torch, onnx, bf16=None, *, why=None):
    """Measured rates; why: the reason not to trust ONNX Runtime."""
    measured = {"torch": {"rate": torch}, "onnx": {"rate": onnx} if why is None else {"why": why}}
    return measured if bf16 is None else {**measured, "bf16": {"rate": bf16}}


@pytest.mark.parametrize(
    ("reads", "measured", "way"),
    [
        (("image",), ways(1, 2, 3), "bf16"),
        (("image",), ways(5, 2, 3), "torch"),
        (("text",), ways(1, 2, 30), "onnx"),
        (("text",), ways(1, 2, 3, why="its vectors differ"), "bf16"),
        (("image", "text"), ways(1, 2, 2 * CLEARLY - 0.1), "onnx"),
        (("image", "text"), ways(1, 2, 2 * CLEARLY), "bf16"),
        ((), ways(None, None), "onnx"),
        ((), ways(None, None, why="not installed"), "torch"),
    ],
)
def test_sentences_prefer_the_way_that_needs_no_torch(reads, measured, way):
    assert _chosen(measured, reads) == way
