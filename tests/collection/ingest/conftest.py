"""A folder of pictures and a collection that is still empty."""

from __future__ import annotations

import pytest

from tests.mean_color import MeanColor
from tests.pictures import draw
from twinlens.collection import Collection


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path.resolve() / "pictures"
    for n in range(6):
        draw(folder / ("sub" if n % 2 else ".") / f"{n}.png", n)
    return folder


@pytest.fixture
def model():
    return MeanColor()


@pytest.fixture
def collection(tmp_path, model):
    with Collection.create(tmp_path / "c", model, load=MeanColor.load) as collection:
        yield collection
