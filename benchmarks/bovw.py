"""Bag of visual words: pictures per second of twinlens and of OpenCV's BOW classes, same cores, equal histograms.

Both read the same files and use the same vocabulary, keypoints (dense or detected) and grey pictures. Every arrangement
runs in processes of its own; rounds over parts of the pictures take turns, so that a busy moment falls on all of them.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from _results import CORES, hardware, write
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

Histogram = NDArray[np.float32]
State = dict[str, NDArray[np.float32]]

TITLE = "## Bag of visual words"
STEP, SIZE = 8, 8.0
ROUNDS, CHUNK = 6, 4


class OpenCv:
    """BOWImgDescriptorExtractor with the brute-force matcher, as its documentation uses it."""

    def __init__(self, state: State, dense: bool, keeps_memory: bool = False) -> None:
        self.sift, self.dense = cv2.SIFT_create(), dense
        self.vocabulary, self.matcher = state["vocabulary"], cv2.BFMatcher(cv2.NORM_L2)
        self.bag = cv2.BOWImgDescriptorExtractor(self.sift, self.matcher)
        self.bag.setVocabulary(self.vocabulary)
        if keeps_memory:
            np.empty(31 * 2**20, dtype=np.uint8)  # what twinlens does, see encoders/_sift.py

    def __call__(self, file: Path) -> Histogram:
        grey = self.read(file)
        histogram = self.bag.compute(grey, self.find(grey))
        return np.zeros(len(self.vocabulary), np.float32) if histogram is None else histogram[0]

    def read(self, file: Path) -> NDArray[np.uint8]:
        return np.asarray(cv2.cvtColor(cv2.imread(str(file), cv2.IMREAD_COLOR), cv2.COLOR_BGR2GRAY))

    def find(self, grey: NDArray[np.uint8]) -> Any:
        if not self.dense:
            return self.sift.detect(grey, None)
        rows, columns = (range((length - 1) % STEP // 2, length, STEP) for length in grey.shape)
        return [cv2.KeyPoint(float(x), float(y), SIZE, 0.0) for y in rows for x in columns]

    def stages(self, file: Path) -> Iterator[str]:
        """The work of one picture, interrupted after each step by its name."""
        grey = self.read(file)
        yield "read"
        keypoints = self.find(grey)
        yield "find keypoints"
        descriptors = self.sift.compute(grey, keypoints)[1]
        yield "describe"
        if descriptors is not None:
            self.matcher.match(descriptors, self.vocabulary)
        yield "nearest words"


class Twinlens:
    """The encoder `bovw` with the options that make it OpenCV's pipeline."""

    def __init__(self, state: State, dense: bool) -> None:
        import torch

        self.encoder = encoder(len(state["vocabulary"]), dense)
        self.encoder.load_state_dict({key: torch.from_numpy(array) for key, array in state.items()})

    def __call__(self, file: Path) -> Histogram:
        import torch

        from twinlens.core.types import Sample

        arrays = self.encoder.prepare(Sample(file.name, file))
        encoded = self.encoder({key: torch.from_numpy(array[None]) for key, array in arrays.items()})
        return np.asarray(encoded.image.vector[0].numpy())

    def stages(self, file: Path) -> Iterator[str]:
        image = self.encoder.local.load(file)
        yield "read"
        described = self.encoder.local.describe(image)
        yield "find keypoints, describe"
        self.encoder._by_cell(described)
        yield "nearest words"


def encoder(words: int, dense: bool) -> Any:
    from twinlens.encoders.bovw import Bovw

    return Bovw(
        words=words,
        keypoints="dense" if dense else "detected",
        colour="grey",
        root=False,
        step=STEP,
        size=SIZE,
        cells=(1, 1),
        weighting="tf",
        power=1.0,
        norm="none",
    )


def learn(files: list[Path], dense: bool, words: int) -> State:
    from twinlens.core.types import Sample

    learner = encoder(words, dense)
    with threadpool_limits(1):  # so that the vocabulary is the same on every machine
        learner.fit(Sample(file.name, file) for file in files)
    return {key: tensor.numpy() for key, tensor in learner.state_dict().items()}


_work: list[Callable[[Path], Histogram]] = []


def begin(make: Callable[..., Callable[[Path], Histogram]], threads: int, given: tuple[Any, ...]) -> None:
    """What a new process does before its first picture; only OpenCV may get more than one thread of its own."""
    cv2.setNumThreads(threads)
    threadpool_limits(1)
    _work.append(make(*given))


def work(file: Path) -> Histogram:
    return _work[0](file)


@dataclass
class Arrangement:
    """A way to use the cores, and what came of it."""

    name: str
    pool: Executor
    seconds: float = 0.0
    histograms: list[Histogram] = field(default_factory=list)

    def run(self, files: list[Path]) -> None:
        start = time.perf_counter()
        self.histograms += self.pool.map(work, files, chunksize=CHUNK)
        self.seconds += time.perf_counter() - start


@contextmanager
def arrangements(state: State, dense: bool) -> Iterator[list[Arrangement]]:
    plans: list[tuple[str, int, Any, int, tuple[Any, ...]]] = [
        (f"OpenCV, one process, {CORES} threads of its own", 1, OpenCv, CORES, (state, dense)),
        (f"OpenCV, {CORES} processes", CORES, OpenCv, 1, (state, dense)),
        (f"OpenCV, {CORES} processes that keep freed memory", CORES, OpenCv, 1, (state, dense, True)),
        (f"twinlens, {CORES} processes", CORES, Twinlens, 1, (state, dense)),
    ]
    with ExitStack() as stack:
        competing = []
        for name, processes, make, threads, given in plans:
            pool = ProcessPoolExecutor(processes, get_context("spawn"), begin, (make, threads, given))
            competing.append(Arrangement(name, stack.enter_context(pool)))
        yield competing


def compete(files: list[Path], state: State, dense: bool) -> list[Arrangement]:
    """Every arrangement over all files; raises ValueError when a histogram differs from OpenCV's by more than 1e-5."""
    with arrangements(state, dense) as competing:
        for one in competing:  # start the processes
            one.run(files[: 2 * CHUNK * CORES])
            one.seconds, one.histograms = 0.0, []
        for part in range(ROUNDS):
            for turn in range(len(competing)):
                competing[(part + turn) % len(competing)].run(files[part::ROUNDS])
    for one in competing[1:]:
        worst = np.abs(np.stack(one.histograms) - np.stack(competing[0].histograms)).max()
        if worst > 1e-5:
            raise ValueError(f"{one.name}: histograms differ from OpenCV's by up to {worst:.1e}")
    return competing


def where_time_goes(worker: OpenCv | Twinlens, files: list[Path]) -> str:
    """Milliseconds per picture of each step, one after the other in one thread."""
    spent: dict[str, float] = {}
    cv2.setNumThreads(1)
    with threadpool_limits(1):
        for file in files:
            before = time.perf_counter()
            for name in worker.stages(file):
                now = time.perf_counter()
                spent[name], before = spent.get(name, 0.0) + now - before, now
    return ", ".join(f"{name} {1000 * seconds / len(files):.2f}" for name, seconds in spent.items())


def table(competing: list[Arrangement]) -> list[str]:
    ours = competing[-1].seconds
    count = len(competing[0].histograms)
    lines = ["| Arrangement | pictures/s | twinlens is faster by |", "|---|---:|---:|"]
    return lines + [f"| {one.name} | {count / one.seconds:,.0f} | {one.seconds / ours:.1f}× |" for one in competing]


def section(files: list[Path], command: str, words: int) -> str:
    lines = [TITLE, "", f"`{command}` on {hardware()}; OpenCV {cv2.__version__}, NumPy {np.__version__}.", ""]
    lines += [f"{len(files):,} pictures, {words} words; all histograms of a table are equal to 1e-5.", ""]
    for dense, name in ((True, f"Dense keypoints (every {STEP} pixels, size {SIZE:g})"), (False, "Detected keypoints")):
        state = learn(files, dense, words)
        lines += [f"### {name}", "", *table(compete(files, state, dense)), ""]
        few = files[:: max(1, len(files) // 200)]
        lines += ["Milliseconds per picture of each step, in one thread, freed memory kept:", ""]
        lines += [f"- OpenCV: {where_time_goes(OpenCv(state, dense, keeps_memory=True), few)}"]
        lines += [f"- twinlens: {where_time_goes(Twinlens(state, dense), few)}", ""]
    return "\n".join(lines)


def main() -> None:
    from twinlens.media import finding

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, required=True, help="the NLVR folder, which holds dev/images")
    parser.add_argument("--pictures", type=int, help="use so many, evenly drawn (default: all of dev)")
    parser.add_argument("--words", type=int, default=512)
    given = parser.parse_args()
    files = finding.find(given.root / "dev" / "images")
    files = files[:: max(1, len(files) // (given.pictures or len(files)))]
    limit = f" --pictures {given.pictures}" if given.pictures else ""
    text = section(files, f"python benchmarks/bovw.py --root {given.root}{limit}", given.words)
    print(text)
    write(TITLE, text)


if __name__ == "__main__":
    main()
