"""A disk that is full again and again, during indexing and changes of model: nothing that was committed is lost.

`-rP` shows what each size of disk left.
"""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import pytest

from tests import toy
from tests.endurance import check, draw, found
from tests.mean_color import MeanColor
from twinlens.collection import Collection
from twinlens.collection.ingest import Options
from twinlens.collection.store import DAMAGED, DATABASE
from twinlens.core.types import TwinlensError
from twinlens.models.composer import Composer

resource = pytest.importorskip("resource", reason="this system limits no files")
ROUNDS = 12


class Limit:
    """Files may not grow beyond some size: what a write gives then is as hard an error as a full disk's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def room(self, size: int):
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


class Tmpfs:
    """A real file system that is small."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "disk"
        self.folder.mkdir()
        made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", self.folder], capture_output=True)
        if made.returncode:
            pytest.skip("only root may mount a small disk")

    @contextmanager
    def room(self, size: int):
        used = sum(path.stat().st_blocks * 512 for path in self.folder.rglob("*"))
        self._resize(used + size)
        try:
            yield
        finally:
            self._resize(2**26)

    def _resize(self, size: int) -> None:
        subprocess.run(["mount", "-o", f"remount,size={size}", self.folder], check=True)

    def unmount(self) -> None:
        subprocess.run(["umount", "-l", self.folder], check=False)


@pytest.fixture(params=["limit", "tmpfs"])
def disk(request, tmp_path):
    if request.param == "limit":
        yield Limit(tmp_path)
        return
    if sys.platform != "linux":
        pytest.skip("only Linux has such disks")
    small = Tmpfs(tmp_path)
    yield small
    small.unmount()


def work(folder: Path, pictures: Path, turn: int) -> None:
    options = Options(workers=0, batch_size=4)
    if Collection.exists(folder):
        with Collection.open(folder, load=MeanColor.load) as collection:
            collection.change_model(MeanColor(turn), options=options)
            collection.add(pictures, options=options)
    else:
        with Collection.create(folder, MeanColor(turn), load=MeanColor.load) as collection:
            collection.add(pictures, options=options)


def test_nothing_is_lost_however_often_the_disk_is_full(disk, tmp_path):
    pictures, folder, rng = tmp_path.resolve() / "p", disk.folder / "c", random.Random(0)
    known, full = set[Path](), 0
    for turn in range(ROUNDS):
        draw(pictures, 40, 100 * turn)
        with disk.room(rng.randrange(2**14, 2**20)):
            try:
                work(folder, pictures, turn // 3)
            except (TwinlensError, OSError) as error:
                full += 1
                assert "\n" not in str(error) and "Traceback" not in str(error)
        known = check(folder, MeanColor.load, known)
    assert full > ROUNDS / 3
    work(folder, pictures, ROUNDS)
    assert len(check(folder, MeanColor.load, known)) == 40 * ROUNDS
    work(tmp_path / "undisturbed", pictures, ROUNDS)
    assert found(folder, MeanColor.load) == found(tmp_path / "undisturbed", MeanColor.load)


def test_a_model_that_the_disk_has_no_room_for_leaves_nothing_behind(disk, tmp_path):
    composer = Composer.build(toy.recipe())
    composer.fit(toy.edits().queries)
    with disk.room(2**15), pytest.raises((TwinlensError, OSError)):
        Collection.create(disk.folder / "c", composer)
    assert list((disk.folder / "c").glob("model/*")) == []
    with Collection.create(disk.folder / "c", composer) as collection:
        assert len(collection) == 0 and collection.verify() == []


SIZES = [int(size) for size in np.geomspace(2**12, 2**20, 10)]


@pytest.mark.parametrize("size", SIZES)
def test_a_creation_on_a_full_disk_leaves_nothing_or_something_whole(disk, tmp_path, size):
    pictures, folder = tmp_path.resolve() / "p", disk.folder / "c"
    draw(pictures, 40, 0)
    with disk.room(size):
        try:
            work(folder, pictures, 0)
        except (TwinlensError, OSError) as error:
            assert "\n" not in str(error)
    assert not folder.exists() or (folder / DATABASE).is_file()
    assert not list(folder.glob(f"{DATABASE}.*"))
    left = len(check(folder, MeanColor.load, set()))
    print(f"{size:,} bytes: {f'a whole collection of {left} of 40' if Collection.exists(folder) else 'nothing'} left")
    work(folder, pictures, 0)
    assert len(check(folder, MeanColor.load, set())) == 40


@pytest.mark.parametrize("size", SIZES)
def test_a_repair_on_a_full_disk_loses_nothing_and_can_be_done_again(disk, tmp_path, size):
    pictures, folder = tmp_path.resolve() / "p", disk.folder / "c"
    draw(pictures, 40, 0)
    work(folder, pictures, 0)
    with closing(sqlite3.connect(folder / DATABASE)) as connection:
        connection.execute("DELETE FROM state")
        connection.commit()
    with disk.room(size):
        try:
            Collection.mend(folder, load=MeanColor.load, options=Options(workers=0))
        except (TwinlensError, OSError) as error:
            assert "\n" not in str(error)
            print(f"{size:,} bytes: the first repair is refused: {error}")
        else:
            print(f"{size:,} bytes: mended at once")
    Collection.mend(folder, load=MeanColor.load, options=Options(workers=0))
    assert len(check(folder, MeanColor.load, set())) == 40
    assert {path.name for path in folder.glob(f"{DATABASE}*")} <= {DATABASE, DAMAGED}
