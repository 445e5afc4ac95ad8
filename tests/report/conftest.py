from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from twinlens.core.types import Hit, Sample


def picture(path: Path, size: tuple[int, int], color: str) -> Path:
    Image.new("RGB", size, color).save(path)
    return path


@pytest.fixture
def query(tmp_path) -> Sample:
    return Sample("query", picture(tmp_path / "query.png", (400, 100), "#ff0000"), "at night & <b>cold</b>")


@pytest.fixture
def hits(tmp_path) -> list[Hit]:
    """A wide picture, a portrait, a tiny one, a broken file, no picture at all, and texts of every kind."""
    (tmp_path / "broken.png").write_text("no picture")
    samples = [
        Sample("wide", picture(tmp_path / "wide.png", (400, 100), "#00ff00"), "a dog " * 60),
        Sample("folder/portrait.png", picture(tmp_path / "portrait.png", (60, 180), "#0000ff")),
        Sample("tiny", Image.new("RGB", (1, 1), "#ff00ff"), "Größe, собака, 狗在沙滩上, كلب, 😀"),
        Sample("broken", tmp_path / "broken.png", "x" * 300),
        Sample("words", None, "only words"),
        Sample("odd\udcff.png", lambda: Image.new("RGB", (30, 30), "#00ffff")),
    ]
    return [Hit(sample, score) for sample, score in zip(samples, (1.5, 0.9, 0.5, 0.25, 0.0, -0.5), strict=True)]
