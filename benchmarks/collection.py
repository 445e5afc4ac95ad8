"""A collection of 70,000 real pictures: what the first run, a run with nothing to do, and 100 more pictures cost.

The pictures are Debian's package dataset-fashion-mnist (`apt install dataset-fashion-mnist`), which this script writes
out as PNG files with a caption each. Every step is the command line that a user would type, in a process of its own,
with Python's modules compiled as after an installation; seconds are of the whole command, memory is that of its largest
process. Only ratios within one run mean something.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from _results import hardware, skip, write
from numpy.typing import NDArray
from PIL import Image

TITLE = "## A collection of 70,000 pictures"
DATA = Path("/usr/share/datasets/fashion-mnist")
LABELS = ("T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")
NEW = 100
QUERIES = 200


@dataclass(frozen=True)
class Step:
    """One command: its seconds, those of all its processes on a processor, its largest one's MB, and what it said."""

    seconds: float
    cpu: float
    memory: float
    said: dict[str, object]


def read(kind: str, what: str) -> NDArray[np.uint8]:
    """One of the data set's files (the IDX format): pictures (N, 28, 28) or labels (N,)."""
    with gzip.open(DATA / f"{kind}-{what}-ubyte.gz") as file:
        data = file.read()
    dims = [int.from_bytes(data[4 + 4 * n : 8 + 4 * n], "big") for n in range(data[3])]
    return np.frombuffer(data, dtype=np.uint8, offset=4 + 4 * len(dims)).reshape(dims)


def export(folder: Path, pictures: NDArray[np.uint8], labels: NDArray[np.uint8]) -> None:
    """PNG files, a thousand per folder, with the label as caption."""
    for start in range(0, len(pictures), 1000):
        part = folder / f"{start // 1000:02}"
        part.mkdir(parents=True)
        lines = ["file_name,text,number"]
        for n in range(start, min(start + 1000, len(pictures))):
            Image.fromarray(pictures[n]).save(part / f"{n:05}.png", compress_level=1)
            lines.append(f"{n:05}.png,{LABELS[labels[n]]},{n}")
        (part / "metadata.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def keep_bytecode(work: Path) -> None:
    """Let every command find Python's modules compiled, as after an installation, wherever this machine keeps none."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = str(work / "bytecode")


def twinlens(*arguments: object) -> Step:
    """Run a command line."""
    with tempfile.NamedTemporaryFile("r", suffix=".json") as result:
        command = [sys.executable, "-m", "twinlens", *map(str, arguments), f"--json={result.name}"]
        started = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
        return Step(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, json.load(result))


def searches(collection: Path, pictures: Path) -> tuple[float, float, float]:
    """Median milliseconds of a search and of its query's embedding alone; the share of pictures that are found."""
    from twinlens import Collection
    from twinlens.core.types import Sample

    files = sorted(pictures.rglob("*.png"))
    files = files[:: max(1, len(files) // QUERIES)]
    with Collection.open(collection) as opened:
        opened.search(image=files[0], with_self=True)
        whole, alone, right = [], [], 0
        for file in files:
            started = time.perf_counter()
            opened.model.embed([Sample("q", file)])
            between = time.perf_counter()
            hits = opened.search(image=file, text="", k=10, with_self=True)
            whole.append(time.perf_counter() - between)
            alone.append(between - started)
            right += file in [hit.sample.image for hit in hits]
    return 1000 * statistics.median(whole), 1000 * statistics.median(alone), right / len(files)


def measure(work: Path, count: int, model: list[object]) -> list[str]:
    """The section's lines."""
    pictures = np.concatenate([read("train", "images-idx3"), read("t10k", "images-idx3")])[:count]
    labels = np.concatenate([read("train", "labels-idx1"), read("t10k", "labels-idx1")])[:count]
    tenth, everything, new = work / "tenth", work / "everything", work / "new"
    export(tenth, pictures[: count // 10], labels)
    export(everything, pictures, labels)
    export(new, pictures[:NEW, ::-1], labels)  # upside down: pictures that are not there yet
    a, b, c = work / "a.twin", work / "b.twin", work / "c.twin"
    twinlens("index", new, "--collection", work / "uncounted.twin", *model)  # compiles what the commands import
    part = twinlens("index", tenth, "--collection", a, *model)
    first = twinlens("index", everything, "--collection", b, *model)
    again = twinlens("index", everything, "--collection", b)
    alone = twinlens("index", new, "--collection", c, *model)
    added = twinlens("index", new, "--collection", b)
    export(everything / "new", pictures[:NEW, ::-1, ::-1], labels)  # turned: copies of others would keep their vectors
    among = twinlens("index", everything / "new", everything, "--collection", b)
    assert first.said["pictures"] == count and again.said["unchanged"] == count
    assert added.said["added"] == NEW and added.said["pictures"] == count + NEW and among.said["added"] == NEW
    verified = twinlens("verify", "--collection", b)
    search, embedding, found = searches(b, everything)
    cold = twinlens("search", "--collection", b, "--text", "ankle boot", "--out", work / "results")
    assert verified.said["ok"]
    size = sum(path.stat().st_size for path in b.rglob("*") if path.is_file())
    rows = [
        (f"index {count:,} pictures", first, ""),
        ("the same again, nothing to do", again, f"{again.cpu / first.cpu:.1%} of the first run (wanted: < 5 %)"),
        (f"index {NEW} into an empty collection", alone, ""),
        (f"index {NEW} into that of {count:,}", added, f"{added.cpu / alone.cpu:.2f}× the former (wanted: ~ 1)"),
        (f"{NEW} more among the {count:,} files", among, f"{among.cpu / (again.cpu + alone.cpu):.2f}× the sum of both"),
        ("verify all", verified, f"{verified.cpu / first.cpu:.1%} of the first run"),
        ("one search from the command line", cold, ""),
    ]
    return [
        f"{count:,} pictures of 28×28 pixels, {count / first.cpu:,.0f} per second of a processor in the first run; the "
        f"collection takes {size / count / 1000:.1f} kB per picture. Ratios are of processor seconds, which other "
        "work on the machine disturbs little.",
        "",
        "| what | seconds | processor seconds | ratio |",
        "|---|---:|---:|---:|",
        *(f"| {what} | {step.seconds:.1f} | {step.cpu:.1f} | {ratio} |" for what, step, ratio in rows),
        "",
        f"Memory of the largest process: {part.memory:,.0f} MB for {count // 10:,} pictures, {first.memory:,.0f} MB "
        f"for {count:,} ({first.memory / part.memory:.2f}×), {again.memory:,.0f} MB with nothing to do.",
        "",
        f"A search by picture in an open collection takes {search:.1f} ms at the median, of which embedding the query "
        f"is {embedding:.1f} ms; {found:.1%} of {QUERIES} pictures are among their own ten answers.",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=70_000, help="use so many pictures; fewer are not recorded")
    parser.add_argument("--recipe", default="compact")
    given = parser.parse_args()
    if not DATA.is_dir():
        skip(f"there is no {DATA}; install it with: apt install dataset-fashion-mnist")
    with tempfile.TemporaryDirectory() as work:
        keep_bytecode(Path(work))
        lines = measure(Path(work), given.count, ["--recipe", given.recipe])
    command = "python benchmarks/collection.py" + (f" --recipe {given.recipe}" if given.recipe != "compact" else "")
    text = "\n".join([TITLE, "", f"`{command}` on {hardware()}; recipe `{given.recipe}`.", "", *lines])
    print(text)
    if given.count == 70_000:
        write(TITLE, text)


if __name__ == "__main__":
    main()
