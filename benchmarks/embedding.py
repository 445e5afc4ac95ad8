"""The recipe paper-grid from files to committed vectors: pictures per second beside its bare network, and memory.

The whole way is `Collection.add`: read, decode, SIFT words, network, vectors in the collection; workers decode while
the network computes and the database writes. Bare is the network's forward pass alone on pictures that are ready, with
all cores: as the fastest runtime gives it, which the whole way uses too, and in plain torch (float32). All take turns
over the same pictures in one process. Memory is that of the largest process of `twinlens index`, for some pictures and
for six times as many.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from _results import CORES, hardware, versions, write

TITLE = "## Embedding by the paper's pipeline"
BATCH, ROUNDS = 64, 2
PICTURES, MIN_SAMPLE = 288, 1000
PAPER = {"layers": 12, "dim": 768, "heads": 12}
"""The size of BERT-base and of the published VisualBERTs."""
STARTS = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


@dataclass
class Race:
    """Seconds for the same pictures: the whole way, the bare network both ways, and preparing them in one thread."""

    name: str
    pictures: int
    whole: float = 0.0
    bare: float = 0.0
    plain: float = 0.0
    prepare: float = 0.0

    @property
    def row(self) -> str:
        """A line of the table."""
        rates = (self.pictures / seconds for seconds in (self.whole, self.bare, self.plain, self.prepare))
        told = " | ".join(f"{rate:,.1f}" for rate in rates)
        return f"| {self.name} | {told} | {self.bare / self.whole:.2f} | {self.plain / self.whole:.2f} |"


def model(**size: int) -> Any:
    """The recipe, untrained, with a transformer of another size where one is given."""
    from twinlens.core.recipe import find_recipe
    from twinlens.models.composer import Composer

    recipe = find_recipe("paper-grid")
    part = recipe.encoders[0]
    options = {**part.options, **size, "visual": {**part.options["visual"], "pictures": 32}}
    return Composer.build(recipe.model_copy(update={"encoders": (type(part)(name=part.name, **options),)})).eval()


def race(name: str, composer: Any, files: list[Path], work: Path) -> Race:
    """Both ways in turns, each round over another part of the pictures."""
    from twinlens.core.types import Sample
    from twinlens.models.runtime import accelerated

    race, fast = Race(name, len(files)), accelerated(composer)
    fast.tune()  # once per model and machine
    forward(composer, [composer.prepare(Sample(file.name, file)) for file in files[:BATCH]])  # warm
    for n in range(ROUNDS):
        part = files[n::ROUNDS]
        race.whole += whole(fast, part, work / f"{len(list(work.iterdir()))}.twin")
        started = time.perf_counter()
        prepared = [composer.prepare(Sample(file.name, file)) for file in part]
        race.prepare += time.perf_counter() - started
        race.plain += forward(composer, prepared)
        race.bare += forward(fast, prepared)
    return race


def whole(composer: Any, files: list[Path], folder: Path) -> float:
    """Seconds from files to a closed collection that holds all their vectors."""
    from twinlens import Collection

    with Collection.create(folder, composer) as collection:
        started = time.perf_counter()
        report = collection.add(files)
        seconds = time.perf_counter() - started
        assert report.added == len(files), report
    return seconds


@torch.inference_mode()
def forward(composer: Any, prepared: list[Any]) -> float:
    """Seconds of the network alone, on pictures that were prepared before."""
    started = time.perf_counter()
    for start in range(0, len(prepared), BATCH):
        composer.embed_prepared(prepared[start : start + BATCH])
    return time.perf_counter() - started


def memory(folder: Path, files: list[Path], model: Path) -> float:
    """MB of the largest process of `twinlens index` over links to the files."""
    folder.mkdir()
    for file in files:
        (folder / file.name).symlink_to(file)
    command = [sys.executable, "-m", "twinlens", "index", folder, "--model", model, "--collection", f"{folder}.twin"]
    # Linux counts what the process that starts another one has: a small one in between keeps ours out.
    told = subprocess.run(
        [sys.executable, "-c", STARTS, *map(str, command)], check=True, capture_output=True, text=True
    )
    return int(told.stdout) / 1024


def draw(folder: Path, count: int) -> list[Path]:
    """PNG files of drawn scenes, 400 x 100 pixels as NLVR's."""
    from twinlens.shapes.drawing import draw
    from twinlens.shapes.scenes import random_scene

    folder.mkdir()
    files = [folder / f"{n:05}.png" for n in range(count)]
    for n, file in enumerate(files):
        draw(random_scene(np.random.default_rng(n))).save(file, compress_level=1)
    return files


def section(given: argparse.Namespace, work: Path) -> str:
    """The results in Markdown."""
    from twinlens.core.types import Sample

    files = draw(work / "pictures", max(given.pictures, 6 * given.few))
    small, large = model(), model(**PAPER)
    small.fit([Sample(file.name, file, "there is a yellow square") for file in files[:32]])
    large.encoders[0].visual.load_state_dict(small.encoders[0].visual.state_dict())  # the same words
    races = [
        race("as shipped (2 layers of 64)", small, files[: given.pictures], work),
        race("a transformer of BERT-base's size (12 layers of 768)", large, files[: 2 * given.pictures], work),
    ]
    small.save(work / "model")
    few, many = (memory(work / f"{count}", files[:count], work / "model") for count in (given.few, 6 * given.few))
    limit = CORES * races[0].pictures / races[0].prepare
    command = f"`python benchmarks/embedding.py` on {hardware()}; {versions('torch', 'opencv-python-headless')}."
    return "\n".join(
        [
            *(TITLE, "", command, ""),
            f"Recipe `paper-grid`; {given.pictures} drawn pictures (400×100), twice as many for the large network.",
            "",
            "| per second | whole | bare network | plain torch | preparing, one thread | whole/bare | whole/plain |",
            "|---|---:|---:|---:|---:|---:|---:|",
            *(race.row for race in races),
            "",
            f"{CORES} cores prepare at most {limit:,.0f} pictures/s, and the whole way can be no faster: where the "
            "network is as small as the shipped one, its dense SIFT in three colours costs more than the network and "
            "cannot hide behind it on the same cores.",
            "",
            f"Memory of the largest process of `index`: {few:,.0f} MB for {given.few:,} pictures, {many:,.0f} MB for "
            f"{6 * given.few:,} ({many / few:.2f}×).",
        ]
    )


def main() -> None:
    """Measure, print, record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=PICTURES, help="for the speed; other numbers are not recorded")
    parser.add_argument("--few", type=int, default=MIN_SAMPLE, help="for the memory, beside six times as many")
    given = parser.parse_args()
    torch.set_num_threads(CORES)
    with tempfile.TemporaryDirectory() as work:
        os.environ["XDG_CACHE_HOME"] = work
        text = section(given, Path(work))
    print(text)
    if (given.pictures, given.few) == (PICTURES, MIN_SAMPLE):
        write(TITLE, text)


if __name__ == "__main__":
    main()
