"""Groups of pictures that look the same."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from PIL import Image

from tests.mean_color import MeanColor, SideBySide
from tests.pictures import ALONE, names, paint
from twinlens.collection import Collection, duplicates
from twinlens.core import system
from twinlens.core.types import Sample, TwinlensError


@pytest.fixture(params=[MeanColor, SideBySide])
def crowd(request, tmp_path):
    """Pictures of bright tiles, two of them in several sizes and formats, one of these with a caption of its own."""
    folder = tmp_path.resolve() / "crowd"
    folder.mkdir()
    for seed in range(20):
        tiles = 255 * np.random.default_rng(seed).integers(0, 2, (2, 2, 3), dtype=np.uint8)
        Image.fromarray(tiles).resize((32, 32), Image.Resampling.NEAREST).save(folder / f"{seed}.png")
    with Image.open(folder / "7.png") as picture:
        picture.save(folder / "7-again.jpg", quality=95)
        picture.resize((16, 16)).save(folder / "7-small.png")
    with Image.open(folder / "3.png") as picture:
        picture.resize((64, 64)).save(folder / "3-large.png")
    with Collection.create(tmp_path / "c", request.param(), load=request.param.load) as collection:
        collection.add(folder, options=ALONE)
        yield collection


def stems(groups) -> list[set[str]]:
    return [{entry.path.stem for entry in group} for group in groups]


@pytest.mark.parametrize("block", [4, 1024])
def test_groups_are_those_of_all_pairs(crowd, monkeypatch, block):
    monkeypatch.setattr(duplicates, "BLOCK", block)
    entries, vectors = crowd.entries_with_vectors()
    channels = [channel.entry for channel in crowd.model.channels if channel.side == "image"]
    pictures = vectors[:, channels[0]] if channels else vectors
    pictures = pictures / np.linalg.norm(pictures, axis=1, keepdims=True)
    groups = [{n} for n in range(len(entries))]
    for a, b in itertools.combinations(range(len(entries)), 2):
        if pictures[a] @ pictures[b] >= 0.95 and (one := next(g for g in groups if a in g)) is not (
            other := next(g for g in groups if b in g)
        ):
            groups.remove(other)
            one |= other
    wanted = sorted(sorted(entries[n].path.stem for n in group) for group in groups if len(group) > 1)
    assert sorted(sorted(group) for group in stems(crowd.duplicates(0.95))) == wanted
    assert any({"7", "7-again", "7-small"} <= set(group) for group in wanted)


def test_a_chain_is_one_group_and_the_largest_is_first(tmp_path):
    for n, green in enumerate((0, 40, 80, 120)):
        paint(tmp_path / "p" / f"chain-{n}.png", (250, green, 0))
    for n in range(2):
        paint(tmp_path / "p" / f"same-{n}.png", (0, 0, 250))
    with Collection.create(tmp_path / "c", MeanColor(), load=MeanColor.load) as collection:
        assert collection.duplicates() == []
        collection.add(tmp_path / "p", options=ALONE)
        vectors = MeanColor().embed([Sample("x", tmp_path / "p" / f"chain-{n}.png") for n in range(4)])
        steps, ends = [float(vectors[n] @ vectors[n + 1]) for n in range(3)], float(vectors[0] @ vectors[3])
        assert ends < min(steps)
        chain, same = stems(collection.duplicates(min(steps) - 1e-4))
        assert chain == {f"chain-{n}" for n in range(4)} and same == {"same-0", "same-1"}
        assert len(names(collection.search(tmp_path / "p" / "same-0.png", k=9))) == 4


def test_anything_but_a_cosine_is_one_line(crowd):
    with pytest.raises(TwinlensError, match="duplicates wants a cosine, from -1 to 1, not 2"):
        crowd.duplicates(2)


def test_no_process_forks_while_pairs_are_compared(crowd, monkeypatch):
    """A fork stops the threads of OpenBLAS, and the product would never end."""
    monkeypatch.setattr(system, "QUIET_SECONDS", 0.0)
    compare, might = duplicates.duplicate_groups, list[bool]()

    def watched(*args, **options):
        might.append(system.may_fork())
        return compare(*args, **options)

    monkeypatch.setattr(duplicates, "duplicate_groups", watched)
    assert crowd.duplicates() and might == [False] and system.may_fork()
