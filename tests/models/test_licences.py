"""Weights that ship have their licence beside them, in the repository and in the package."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "twinlens"
WEIGHTS = sorted(path for ending in ("safetensors", "pt", "pth", "onnx") for path in PACKAGE.rglob(f"*.{ending}"))


def licence(path: Path) -> Path:
    """The licence of a model's folder, which has files of its encoders in folders below it."""
    return path.parents[1 if path.parent.name.startswith("encoder-") else 0] / "LICENSE"


@pytest.mark.parametrize("path", WEIGHTS, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_weights_that_ship_have_their_licence_beside_them(path):
    text = licence(path).read_text(encoding="utf-8")
    assert "SPDX-License-Identifier: Apache-2.0" in text and "trained by the twinlens project" in text
    assert licence(path).with_name("recipe.toml").is_file() or path.name in text


def test_the_package_has_them_too():
    patterns = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]["twinlens"]
    packed = {path for pattern in patterns for path in PACKAGE.glob(pattern)}
    assert {licence(path) for path in WEIGHTS} <= packed and set(WEIGHTS) <= packed


def test_the_guide_lists_the_licences_of_what_is_downloaded():
    text = (ROOT / "docs" / "guide.md").read_text(encoding="utf-8")
    for name in ("all-MiniLM-L6-v2", "EfficientNet-Lite"):
        assert any(name in line and "Apache-2.0" in line for line in text.splitlines())
