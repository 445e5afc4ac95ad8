"""The example applications: they run on drawn pictures; `make check` looks at their types."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np

from twinlens.shapes.drawing import draw
from twinlens.shapes.scenes import random_scene

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = ROOT / "examples" / "find_similar.py"


def run(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_pictures_that_are_alike_are_found(tmp_path):
    rng = np.random.default_rng(0)
    (tmp_path / "drawn").mkdir()
    for n in range(8):
        draw(random_scene(rng)).save(tmp_path / "drawn" / f"{n}.png")
    asked = ("drawn", "drawn/3.png", "make the yellow square blue", "", "--recipe", "compact")
    done = run(tmp_path, EXAMPLE, *asked)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "8 pictures, 8 of them new, 0 cannot be read"
    assert lines[1] == "make the yellow square blue" and lines[7] == "alike" and len(lines) == 13
    assert all(str(tmp_path / "drawn") in line and "3.png" not in line for line in (*lines[2:7], *lines[8:]))
    assert run(tmp_path, EXAMPLE, *asked).stdout.splitlines()[0] == "8 pictures, 0 of them new, 0 cannot be read"


def test_an_error_is_one_line(tmp_path):
    done = run(tmp_path, EXAMPLE, "nothing", "a.png", "--recipe", "compact")
    assert (done.returncode, done.stdout) == (2, "") and done.stderr.count("\n") == 1
    assert "there is no folder" in done.stderr


def test_make_check_takes_its_types_strictly_and_it_is_short():
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]
    assert tools["mypy"]["strict"] and "examples" in tools["mypy"]["files"]
    code = [line for line in EXAMPLE.read_text("utf-8").splitlines() if line.strip()]
    assert len(code) <= 45
