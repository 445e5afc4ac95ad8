"""The machine that a result is computed on: its cores, its devices, and what of it can change a figure.

torch is imported when it is needed, so that importing this module costs nothing.
"""

from __future__ import annotations

import importlib
import os
import platform
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from twinlens.core.types import TwinlensError
from twinlens.version import __version__

if TYPE_CHECKING:
    import torch

# Before ONNX Runtime is imported, here and by torch: otherwise it writes a device id into the cache and sends events.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")


def cores() -> int:
    """Count the cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@cache
def processor() -> str:
    """Return the processor's model name, "" if the system does not tell it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


def pick_device(name: str = "auto") -> torch.device:
    """Return the device of this name, or the best one for "auto". Raises TwinlensError if it is not available."""
    import torch

    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return torch.device(next(kind for kind, here in available.items() if here))
    if not available.get(name.split(":")[0], False):
        here = ", ".join(kind for kind, is_here in available.items() if is_here)
        raise TwinlensError(f"device {name!r} is not available; here: {here}")
    return torch.device(name)


def device_name(device: torch.device) -> str:
    """Name a device for people: "cpu", or "cuda (NVIDIA A100)"."""
    import torch

    return f"{device} ({torch.cuda.get_device_name(device)})" if device.type == "cuda" else str(device)


def multiplies_bf16() -> bool:
    """Return True if torch multiplies bfloat16 in hardware on this processor; if not, it is slower than float32.

    torch is asked, and not the processor, so that `ONEDNN_MAX_CPU_ISA` and `ATEN_CPU_CAPABILITY` can switch it off.
    """
    import torch

    in_hardware = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return bool(in_hardware and torch.ops.mkldnn._is_mkldnn_bf16_supported())


def environment(device: str = "auto", *, precision: str = "float32") -> dict[str, Any]:
    """Describe, as JSON, everything beside data, recipe and seed that can change a figure.

    precision: of the numbers that products take, in training or embedding. Raises TwinlensError as `pick_device` does.
    """
    from importlib import metadata  # it takes longer than all else here

    import torch

    return {
        "device": device_name(pick_device(device)),
        "processor": processor() or platform.machine(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "multiplies_bf16": multiplies_bf16(),
        "threads": torch.get_num_threads(),
        "precision": precision,
        "versions": {
            "python": platform.python_version(),
            **{name: metadata.version(name) for name in ("numpy", "transformers")},
            "torch": str(torch.__version__),
            "twinlens": __version__,
        },
    }


def default_cache() -> Path:
    """Return the folder for cached arrays, features and finished runs: `twinlens` in the user's cache folder."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "twinlens"


def import_onnxruntime(part: str = "") -> ModuleType:
    """Import ONNX Runtime, or one of its parts, in this one place. Raises ImportError if it is not installed."""
    return importlib.import_module(part or "onnxruntime", "onnxruntime")
