"""A folder of captioned shades, and a collection that has them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mean_color import MeanColor
from tests.pictures import ALONE, paint
from twinlens.collection import Collection

COLORS = {"red": (230, 20, 20), "green": (20, 230, 20), "blue": (20, 20, 230)}


def shades(folder: Path) -> Path:
    """Paint shades of three colours, each with its name as caption."""
    lines = ["file_name,text,shade,color"]
    for color, rgb in COLORS.items():
        for shade in range(4):
            name = f"{color}-{shade}.png"
            paint(folder / name, tuple(max(0, value - 10 * shade) for value in rgb))
            lines.append(f"{name},{color},{shade},{color}")
    (folder / "metadata.csv").write_text("\n".join(lines))
    return folder


@pytest.fixture
def pictures(tmp_path):
    return shades(tmp_path.resolve() / "pictures")


@pytest.fixture
def collection(tmp_path, pictures):
    with Collection.create(tmp_path / "c", MeanColor(), load=MeanColor.load) as collection:
        collection.add(pictures, options=ALONE)
        yield collection
