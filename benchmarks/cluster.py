"""Pictures per second by the local pool and by Ray with 1, 2 and 4 workers, and from when on Ray's overhead pays.

Each way indexes few and many pictures into collections of their own, in turns; t = a + b·n gives its fixed seconds a
and its seconds per picture b. All workers share the cores of one machine, so that more of them than cores gain nothing
here; what is learned is a and b with one worker, where both do the same work: their differences are Ray's overhead. On
W machines with p cores each, a picture that costs c core-seconds then takes c/p of the local pool's time and
(c + o)/(W·p) of Ray's, with o the overhead per picture, so that Ray is faster from

    c > (Δa/n + o/(W·p)) / (1/p − 1/(W·p))

on. Ray listens on all interfaces: as root the script runs in a network namespace of its own.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from _results import CORES, hardware, skip, versions, write
from index import write_copies

from twinlens.collection import Collection
from twinlens.collection.ingest import Options

TITLE = "## Embedding on many machines"
APART = "TWINLENS_BENCHMARK_APART"
"""Set in the process that has a network namespace of its own."""
COPIES, PARTS = 20, 5
"""Files of each picture; of so many parts of the pictures one is the small run."""
STORE_BYTES = 10**8
LOCAL, RAY = "local pool", "Ray"
WAYS = ((LOCAL, 1), (LOCAL, 2), (RAY, 1), (RAY, 2), (RAY, 4))
MACHINES = (2, 4, 16)
SIZES = (1000, 100_000)


class Line(NamedTuple):
    """Seconds of a run of n pictures as fixed + each · n."""

    fixed: float
    each: float


def line(small: tuple[int, float], large: tuple[int, float]) -> Line:
    """The line through two runs: pictures and seconds."""
    each = (large[1] - small[1]) / (large[0] - small[0])
    return Line(small[1] - each * small[0], each)


def break_even(local: Line, ray: Line, cores: int, machines: int, pictures: int) -> float:
    """Core-seconds of a picture from which Ray is faster; see the module."""
    extra = max(0.0, ray.each - local.each)
    many = machines * cores
    return ((ray.fixed - local.fixed) / pictures + extra / many) / (1 / cores - 1 / many)


def drawn(folder: Path, count: int) -> list[Path]:
    """JPEGs of 1 to 12 megapixels, several of each content but for a comment."""
    folder.mkdir()
    distinct = max(1, count // COPIES)
    with ProcessPoolExecutor(CORES) as pool:
        list(pool.map(write_copies, [folder] * distinct, range(distinct), [count // distinct] * distinct))
    return sorted(folder.iterdir())


def timed(way: str, workers: int, files: Sequence[Path], folder: Path, recipe: str) -> float:
    """Seconds to index files into a new collection; a Ray of so many processors is started before."""
    options = Options(workers=workers) if way == LOCAL else Options(executor="ray", workers=1)
    started = _ray(workers) if way == RAY else None
    try:
        with Collection.create(folder, recipe=recipe) as made:
            begun = time.perf_counter()
            report = made.add(files, options=options)
            seconds = time.perf_counter() - begun
        if report.added != len(files):
            raise SystemExit(f"{way}: {report.added} of {len(files)} pictures were added: {report.failures}")
        return seconds
    finally:
        if started is not None:
            started.shutdown()


def _ray(workers: int) -> Any:
    import ray

    ray.init(num_cpus=workers, include_dashboard=False, log_to_driver=False, logging_level="ERROR",
             object_store_memory=STORE_BYTES, _node_ip_address="127.0.0.1")  # fmt: skip
    return ray


def measure(files: Sequence[Path], work: Path, rounds: int, recipe: str) -> dict[tuple[str, int], list[float]]:
    """Seconds of the small run and the large one, of every way: the least of the rounds, since other work only adds."""
    sizes = (len(files) // PARTS, len(files))
    took: dict[tuple[str, int], list[list[float]]] = {way: [[], []] for way in WAYS}
    timed(LOCAL, 1, files[: sizes[0]], work / "warm", recipe)
    for turn in range(rounds):
        for way in WAYS:
            for n, size in enumerate(sizes):
                folder = work / f"{turn}-{way[0][0]}{way[1]}-{size}"
                took[way][n].append(timed(*way, files[:size], folder, recipe))
    return {way: [min(seconds) for seconds in both] for way, both in took.items()}


def section(files: Sequence[Path], took: dict[tuple[str, int], list[float]], rounds: int, recipe: str) -> str:
    few, many = len(files) // PARTS, len(files)
    lines = {way: line((few, seconds[0]), (many, seconds[1])) for way, seconds in took.items()}
    local, ray = lines[LOCAL, 1], lines[RAY, 1]
    fastest = min(seconds[1] for (way, _), seconds in took.items() if way == LOCAL)
    table = [
        f"| {way} | {workers} | {took[way, workers][1]:.1f} | {many / took[way, workers][1]:.1f} |"
        f" {fastest / took[way, workers][1]:.2f}× | {fit.fixed:.1f} | {1e3 * fit.each:.1f} |"
        for (way, workers), fit in lines.items()
    ]
    pays = [
        f"| {pictures:,} | {' | '.join(_cost(break_even(local, ray, CORES, w, pictures)) for w in MACHINES)} |"
        for pictures in SIZES
    ]
    return "\n".join([
        TITLE, "",
        f"`python benchmarks/cluster.py --pictures {many} --rounds {rounds}` on {hardware()}; {versions('ray')}.", "",
        f"{many} JPEGs of 1 to 12 megapixels under the recipe `{recipe}`, read from one disk; the least of"
        f" all rounds. All workers share {CORES} cores. Seconds are fixed + each · n, from runs of {few} and {many}"
        " pictures;"
        " the start of Ray itself is not in them.", "",
        "| executor | workers | seconds | pictures/s | of the faster pool | fixed, s | each, ms |",
        "|---|---:|---:|---:|---:|---:|---:|", *table, "",
        f"With one worker each, Ray's fixed part is {ray.fixed - local.fixed:.1f} s longer, and a picture takes"
        f" {1e3 * (ray.each - local.each):+.1f} ms (counted as 0 where it is below)."
        f" On machines of {CORES} cores Ray is therefore faster than one"
        " such machine from these core-milliseconds per picture on (computed, not measured; a picture costs"
        f" {1e3 * CORES * lines[LOCAL, 2].each:.0f} here):", "",
        f"| pictures | {' | '.join(f'{w} machines' for w in MACHINES)} |", f"|---:|{'---:|' * len(MACHINES)}", *pays,
    ])  # fmt: skip


def _cost(seconds: float) -> str:
    return f"{max(0.0, 1e3 * seconds):,.1f} ms"


def alone() -> None:
    """Go on in a network namespace of its own, where that is possible."""
    if APART in os.environ or subprocess.run(["unshare", "-n", "true"], check=False).returncode:
        return
    command = ["unshare", "-n", "sh", "-c", 'ip link set lo up && exec "$@"', "sh", sys.executable, *sys.argv]
    raise SystemExit(subprocess.run(command, env={**os.environ, APART: "1"}, check=False).returncode)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=600)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--recipe", default="compact")
    given = parser.parse_args()
    try:
        import ray  # noqa: F401
    except ImportError:
        skip("Ray is missing: pip install 'twinlens[ray]'")
    if shutil.which("unshare"):
        alone()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        files = drawn(work / "pictures", given.pictures)
        took = measure(files, work, given.rounds, given.recipe)
        text = section(files, took, given.rounds, given.recipe)
    print(text)
    write(TITLE, text)


if __name__ == "__main__":
    main()
