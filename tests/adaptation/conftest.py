"""A small collection of drawn scenes with captions, and edits of them as triplets; each test gets a copy of its own."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from tests.pictures import ALONE
from twinlens.collection import Collection
from twinlens.core.recipe import Recipe
from twinlens.core.types import Sample
from twinlens.models.composer import Composer
from twinlens.reading.world import BOXES
from twinlens.shapes.drawing import draw
from twinlens.shapes.edits import random_edit
from twinlens.shapes.scenes import Scene, scatter_scene

RECIPE = """
name = "tiny"
dim = 64
[[encoders]]
name = "panels"
[[encoders]]
name = "ngrams"
longest = 3
[fusion]
name = "calibrated"
[training]
frozen = ["panels", "ngrams"]
"""
Rows = Sequence[tuple[str, str, str]]


@dataclass(frozen=True)
class Drawn:
    """A folder of pictures, a collection that has them, captions by file name, and edits: reference, text, target."""

    folder: Path
    collection: Path
    captions: dict[str, str]
    edits: Rows

    def shuffled(self) -> Rows:
        """The same edits, each with the words of another."""
        texts = np.random.default_rng(1).permutation([text for _, text, _ in self.edits]).tolist()
        return [(reference, text, target) for (reference, _, target), text in zip(self.edits, texts, strict=True)]


def told(scene: Scene) -> str:
    """What a caption says of a scene with one item in each box."""
    items = [f"a {item.colour} {item.shape} in the {BOXES[box]} box" for box, item in scene.items()]
    return ", ".join(items)


def composer(texts: Sequence[str]) -> Composer:
    """Encoders that know drawn scenes without training, side by side."""
    made = Composer.build(Recipe.parse(RECIPE, source="tiny"))
    made.fit([Sample("", None, text) for text in texts])
    return made.eval()


def table(path: Path, rows: Sequence[Sequence[str]], columns: Sequence[str] = ("reference", "text", "target")) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerows([columns, *rows])
    return path


def drawn_edits(folder: Path, scenes: int, each: int, *, seed: int = 0) -> Rows:
    """Pictures of scenes and of what comes of adding an item, and the edits between them."""
    rng, rows = np.random.default_rng(seed), []

    def put(scene: Scene) -> str:
        path = folder / f"{scene.digest(ordered=True)}.png"
        if not path.exists():
            draw(scene).save(path)
        return path.name

    for _ in range(scenes):
        scene = scatter_scene(rng, items=(1, 2))
        edits = [random_edit(rng, scene, "add") for _ in range(each)]
        rows += [(put(scene), edit.instruction, put(edit.target)) for edit in edits]
    return rows


def indexed(folder: Path, where: Path, texts: Sequence[str]) -> None:
    with Collection.create(where, composer(texts)) as collection:
        collection.add(folder, options=ALONE)


@pytest.fixture(scope="session")
def edited(tmp_path_factory) -> Drawn:
    """Edits, and no captions."""
    folder = tmp_path_factory.mktemp("edited").resolve()
    (folder / "p").mkdir()
    rows = drawn_edits(folder / "p", 130, 4)
    indexed(folder / "p", folder / "c", [text for _, text, _ in rows])
    return Drawn(folder / "p", folder / "c", {}, rows)


@pytest.fixture(scope="session")
def captioned(tmp_path_factory) -> Drawn:
    """Scenes with one item in each box, in two folders, and captions that tell colour and shape of each."""
    folder = tmp_path_factory.mktemp("captioned").resolve()
    rng, captions = np.random.default_rng(0), {}
    for n in range(400):
        scene = scatter_scene(rng, items=(1, 1))
        path = folder / "p" / f"{n:03}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        draw(scene).save(path)
        captions[path.name] = told(scene)
    rows = [(name, text, str(n % 200), str(n % 10)) for n, (name, text) in enumerate(captions.items())]
    table(folder / "p" / "metadata.csv", rows, ("file_name", "text", "album", "shelf"))
    indexed(folder / "p", folder / "c", list(captions.values()))
    return Drawn(folder / "p", folder / "c", captions, [])


@pytest.fixture
def own(edited, tmp_path):
    """A copy of the collection with edits, open."""
    shutil.copytree(edited.collection, tmp_path / "c")
    with Collection.open(tmp_path / "c") as collection:
        yield collection
