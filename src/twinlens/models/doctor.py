"""Checks of this machine: processor, memory, caches, extras, and the checkpoints that recipes would download."""

from __future__ import annotations

import os
import platform
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from twinlens.core import hub, machine, packaged
from twinlens.core.recipe import find_recipe, presets
from twinlens.core.source import Source
from twinlens.core.types import TwinlensError
from twinlens.models.checkpoints import EXPORTS
from twinlens.models.exported.importing import find
from twinlens.version import __version__

LITTLE_MEMORY = 2 * 10**9
LITTLE_ROOM = 5 * 10**9
"""Bytes of memory and of disk below which a check gives a hint: decoding a picture may take 2 GB, a checkpoint more."""


@dataclass(frozen=True)
class Check:
    """Result of one check: its finding, and a hint on what to do when something is wrong."""

    name: str
    finding: str
    hint: str = ""

    @property
    def ok(self) -> bool:
        """Return True when there is nothing to do."""
        return not self.hint


def examine() -> list[Check]:
    """Run every check, in display order, without network access."""
    about = f"twinlens {__version__}, Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    return [
        Check("twinlens", about),
        _device(),
        _threads(),
        _memory(),
        *_caches(),
        *_extras(),
        _hub(),
        *_recipes(),
    ]


def _device() -> Check:
    if not _has_torch():
        return Check("device", f"cpu, by ONNX Runtime {metadata.version('onnxruntime')} (torch is not installed)")
    import torch

    device = machine.pick_device()
    hint = ""
    if device.type == "cpu" and Path("/dev/nvidia0").exists():
        hint = "there is an NVIDIA card, but torch cannot use it: install a build of torch for its driver (pytorch.org)"
    return Check("device", f"{machine.device_name(device)}, torch {torch.__version__}", hint)


def _threads() -> Check:
    cores, quota = machine.cores(), _quota()
    if not _has_torch():
        return Check("threads", f"{cores} cores")
    import torch

    threads = torch.get_num_threads()
    hint = ""
    if quota is not None and threads > max(1, round(quota)):
        hint = f"the container may use {quota:g} cores: set OMP_NUM_THREADS={max(1, round(quota))}"
    elif threads < cores:
        hint = f"torch uses {threads} of {cores} cores: unset OMP_NUM_THREADS to use all"
    return Check("threads", f"{threads} for {cores} cores", hint)


def _quota() -> float | None:
    """Return the number of cores that the container's control group allows (cgroup v2), None without a limit."""
    limit = _read(Path("/sys/fs/cgroup/cpu.max")).split()  # microseconds of time per period, or "max" and the period
    return int(limit[0]) / int(limit[1]) if len(limit) == 2 and limit[0].isdigit() else None


def _memory() -> Check:
    available = available_memory()
    if available is None:
        return Check("memory", "unknown on this system")
    hint = "close other programs, or index with --workers 1" if available < LITTLE_MEMORY else ""
    return Check("memory", f"{available / 1e9:.1f} GB available", hint)


def available_memory() -> int | None:
    """Return the bytes still available: the lower of the kernel's estimate and the control group's limit, or None."""
    estimate = re.search(r"MemAvailable:\s+(\d+) kB", _read(Path("/proc/meminfo")))
    if estimate is None:
        return None
    limit, used = (_read(Path("/sys/fs/cgroup") / name).strip() for name in ("memory.max", "memory.current"))
    free = int(limit) - int(used) if limit.isdigit() and used.isdigit() else None
    return min(int(estimate[1]) * 1024, *([free] if free is not None else []), 2**62)


def _caches() -> Iterator[Check]:
    from huggingface_hub import constants

    yield _folder("cache of checkpoints", Path(constants.HF_HUB_CACHE), "HF_HUB_CACHE")
    if _has_torch():
        import torch

        yield _folder("cache of detectors", Path(torch.hub.get_dir()), "TORCH_HOME")


def _has_torch() -> bool:
    return find_spec("torch") is not None


def _folder(name: str, folder: Path, variable: str) -> Check:
    """Check that a folder, which need not exist yet, is writable and has free space."""
    parent = next(path for path in (folder, *folder.parents) if path.is_dir())
    if not os.access(parent, os.W_OK):
        return Check(name, str(folder), f"it cannot be written to: set {variable} to a folder that can")
    free = shutil.disk_usage(parent).free
    hint = f"make room, or set {variable} to a folder that has some" if free < LITTLE_ROOM else ""
    return Check(name, f"{folder}, {free / 1e9:.0f} GB free", hint)


def _extras() -> Iterator[Check]:
    """Check each extra that the installed package declares, apart from those for developers."""
    try:
        about = metadata.metadata("twinlens")
    except metadata.PackageNotFoundError:
        return
    wanted = metadata.requires("twinlens") or []
    for extra in sorted({*(about.get_all("Provides-Extra") or ())} - {"all", "bench", "check", "test"}):
        names = list(dict.fromkeys(_packages(extra, wanted)))
        missing = [name for name in names if not _installed(name)]
        finding = f"lacks {', '.join(missing)}" if missing else f"installed ({', '.join(names)})"
        yield Check(f"extra {extra}", finding, f"if you need it: pip install 'twinlens[{extra}]'" if missing else "")


def _packages(extra: str, wanted: Sequence[str]) -> Iterator[str]:
    """Yield the packages of an extra, and of the extras in it."""
    for line in wanted:
        if re.search(rf"extra == ['\"]{re.escape(extra)}['\"]", line):
            name, others = re.match(r"([\w.-]+)(?:\[([\w,-]+)\])?", line).groups()  # type: ignore[union-attr]
            if name != "twinlens":
                yield name
            for other in (others or "").split(",") if name == "twinlens" else ():
                yield from _packages(other, wanted)


def _installed(package: str) -> bool:
    try:
        metadata.version(package)
    except metadata.PackageNotFoundError:
        return False
    return True


def _hub() -> Check:
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        return Check("hub", "HF_HUB_OFFLINE is set: only what is cached can be used")
    return Check("hub", f"{constants.ENDPOINT}, asked only for what is not cached")


def _recipes() -> Iterator[Check]:
    for name in presets():
        try:
            recipe = find_recipe(name)
        except TwinlensError as error:
            yield Check(f"recipe {name}", "cannot be read", str(error))
            continue
        parts = (*recipe.encoders, recipe.fusion)
        wanted = list(dict.fromkeys(what for part in parts for what in checkpoints(part.options)))
        missing = [what for what in wanted if not is_here(what)]
        if missing:
            yield Check(f"recipe {name}", f"{len(wanted) - len(missing)} of {len(wanted)} checkpoints here",
                        "; ".join(_ways(missing)))  # fmt: skip
        else:
            yield Check(f"recipe {name}", "its checkpoints are here" if wanted else "needs no checkpoint")


def _ways(missing: Sequence[str]) -> Iterator[str]:
    """Name the ways to get missing checkpoints."""
    packages = [packaged.WEIGHTS[what].package for what in missing if what in packaged.WEIGHTS]
    fetched = [what for what in missing if what not in packaged.WEIGHTS]
    if packages:
        yield f"it lacks {', '.join(packages)}; {hub.INSTALL_OFFLINE}"
    if fetched:
        yield f"it would fetch {', '.join(fetched)}; at its first use, or as folders (docs/guide.md)"


def checkpoints(options: Mapping[str, Any]) -> Iterator[str]:
    """Yield the weights named in an encoder's options: hub names ("org/name"), packages ("lite0"), detectors' URLs."""
    for key, value in options.items():
        if isinstance(value, Mapping):
            yield from checkpoints(value)
        elif (
            isinstance(value, str)
            and key != "revision"
            and (re.fullmatch(r"[\w-][\w.-]*/[\w.-]+", value) or (key == "checkpoint" and value in packaged.WEIGHTS))
        ):
            yield value
    detector, weights = options.get("detector"), options.get("weights")
    if isinstance(detector, str) and isinstance(weights, str) and _has_torch():
        import torchvision

        if detector in torchvision.models.list_models(torchvision.models.detection):
            known = torchvision.models.get_model_weights(detector).__members__
            yield from (known[name].url for name in [weights] if name in known)


def is_here(checkpoint: str) -> bool:
    """Return True if a checkpoint is in an installed package, the hub's cache, or (detectors) torch's cache."""
    from huggingface_hub import constants, try_to_load_from_cache

    if checkpoint in packaged.WEIGHTS:
        return packaged.is_installed(checkpoint)
    if "://" in checkpoint:
        import torch

        return (Path(torch.hub.get_dir()) / "checkpoints" / checkpoint.rpartition("/")[2]).is_file()
    if packaged.located(checkpoint) != checkpoint:
        return True
    if find(Source(EXPORTS.get(checkpoint, checkpoint), local=True)) is not None:
        return True
    weights = ("model.safetensors", "model.safetensors.index.json", "pytorch_model.bin")
    cached = (try_to_load_from_cache(checkpoint, name, cache_dir=constants.HF_HUB_CACHE) for name in weights)
    return any(isinstance(path, str) for path in cached)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""
