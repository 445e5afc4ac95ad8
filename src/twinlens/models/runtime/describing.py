"""Descriptions of how a model is run on this machine, in JSON and in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def measurements(model: Any) -> dict[str, Any]:
    """Describe as JSON how a model is run: the mode, and for each network its way and all measurements."""
    found: dict[str, Any] = getattr(model, "measurements", {"mode": "torch", "networks": {}})
    return found


def describe(measured: Mapping[str, Any]) -> str:
    """Format the result of `measurements` as one line."""
    if "exported" in measured:
        return f"ONNX Runtime, exported in {measured['exported']}"
    if not measured["networks"]:
        return (
            "plain torch" if measured["mode"] == "torch" else "plain torch (no other way measured on this machine yet)"
        )
    lines = []
    for name, network in measured["networks"].items():
        rates = {way: figures["rate"] for way, figures in network["ways"].items() if figures.get("rate")}
        here, plain = rates.get(network["runs"]), rates["torch"]
        faster = f", {here / plain:.1f}× plain torch" if here and network["runs"] != "torch" else ""
        lines.append(f"{name}: {network['runs']}{faster}")
    return "; ".join(lines)
