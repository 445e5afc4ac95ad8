"""Two processes on one collection: one of them writes, the other reads on."""

from __future__ import annotations

import multiprocessing
import sys

import pytest

from tests.endurance import draw
from tests.mean_color import MeanColor
from tests.pictures import ALONE
from twinlens.collection import Collection
from twinlens.collection.ingest import Options
from twinlens.core.types import TwinlensError

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="forks")


class Halting(MeanColor):
    """Halts in its third batch until it is told to go on."""

    batches, go_on = 0, None

    def forward(self, batch):
        self.batches += 1
        if self.batches == 3:
            assert self.go_on.wait(60)
        return super().forward(batch)


def write(folder, pictures, go_on) -> None:
    options = Options(workers=0, batch_size=2)
    with Collection.open(folder, load=MeanColor.load) as collection:
        model = Halting(turn=2)
        model.go_on = go_on
        collection.change_model(model, options=options)
        collection.add(pictures, options=options)


def test_a_reader_works_on_while_another_process_writes(tmp_path):
    pictures, folder = tmp_path.resolve() / "p", tmp_path / "c"
    draw(pictures, 12, 0)
    with Collection.create(folder, MeanColor(), load=MeanColor.load) as collection:
        collection.add(pictures, options=ALONE)
    draw(pictures, 12, 50)
    context = multiprocessing.get_context("fork")  # before anything is open here: SQLite does not outlive a fork
    go_on = context.Event()
    process = context.Process(target=write, args=(folder, pictures, go_on))
    process.start()
    with Collection.open(folder, load=MeanColor.load) as collection:
        while collection.info().building is None:
            assert len(collection.search(text="red", k=100)) == 12
        with pytest.raises(TwinlensError, match=f"is being written by process {process.pid}; wait for it"):
            collection.add(pictures, options=ALONE)
        assert collection.generation.digest == MeanColor().digest
        assert len(collection.search(text="red", k=100)) == 12
        go_on.set()
        process.join()
        assert process.exitcode == 0
        assert len(collection.search(text="red", k=100)) == 24
        assert collection.generation.digest == MeanColor(turn=2).digest and collection.verify() == []
