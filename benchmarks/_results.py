"""What the benchmarks share: the hardware in words, and RESULTS.md, in which every script has a section of its own."""

from __future__ import annotations

import os
import platform
import re
import sys
from importlib import metadata
from pathlib import Path
from typing import NoReturn

from twinlens.core.machine import cores

CORES = cores()
RESULTS = Path(__file__).with_name("RESULTS.md")
LOAD = os.getloadavg()[1] if hasattr(os, "getloadavg") else 0.0
SKIPPED = 77
"""The exit code of a script whose data or package is not there."""


def skip(why: str) -> NoReturn:
    print(f"skipped: {why}", file=sys.stderr)
    raise SystemExit(SKIPPED)


def hardware() -> str:
    """The cores, and whether others were using them when the script began: then only ratios mean something."""
    cpu = Path("/proc/cpuinfo")
    names = re.findall(r"model name\s*: (.+)", cpu.read_text("utf-8")) if cpu.is_file() else []
    busy = f" (busy with other work: load average {LOAD:.0f})" if LOAD > CORES / 2 else ""
    return f"{CORES} cores, {names[0] if names else platform.machine()}{busy}"


def versions(*packages: str) -> str:
    return ", ".join(f"{package} {metadata.version(package)}" for package in packages)


def write(title: str, text: str) -> None:
    """Put a section in the place of the old one with its title, or at the end."""
    old = RESULTS.read_text("utf-8") if RESULTS.is_file() else "# Benchmarks\n"
    section = re.compile(rf"^{re.escape(title)}\n.*?(?=^## |\Z)", re.DOTALL | re.MULTILINE)
    new = section.sub(lambda _: f"{text.rstrip()}\n\n", old) if section.search(old) else f"{old.rstrip()}\n\n{text}"
    RESULTS.write_text(f"{new.rstrip()}\n", encoding="utf-8")
