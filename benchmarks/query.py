"""How fast a query answers in a collection of 100,000 entries: from the command line, and in an open collection.

The entries are random vectors of the recipe `offline` (EfficientNet-Lite and MiniLM), stored as `index` stores them. A
sentence asked on the command line is compared with the least that any program must do for it: import ONNX Runtime and
a tokenizer, and load the same text tower. Both are processes of their own and take turns, in one order, then the other.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from _results import hardware, versions, write

TITLE = "## Query latency"
QUERIES = ("a red dog", "a street at night", "two boats on a lake", "people who dance", "an old house with a garden")
ENTRIES = 100_000
AT_ONCE = 5_000
LEAST = """
import sys, onnxruntime, tokenizers
onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
tokenizers.Tokenizer.from_file(sys.argv[2])
"""


def collect(folder: Path, count: int) -> None:
    """A collection of random entries under the recipe `offline`, as `index` takes it: exported."""
    from twinlens.collection import Collection
    from twinlens.collection.store import Entry, Matrix, Store, gallery, writing
    from twinlens.models import serving

    model = serving.ready("offline")
    Collection.create(folder, model).close()
    rng, width = np.random.default_rng(0), model.channels[-1].entry.start  # captions stand behind pictures
    with writing(folder):
        store = Store.open(folder)
        generation = store.serving()
        assert generation is not None
        for start in range(0, count, AT_ONCE):
            vectors = rng.standard_normal((AT_ONCE, model.dim)).astype(np.float32)
            vectors[:, -2:] = 0  # neither side is missing
            for block in (slice(width), slice(width, -2)):
                vectors[:, block] /= np.sqrt(2) * np.linalg.norm(vectors[:, block], axis=1, keepdims=True)
            with store.change():
                for n, vector in enumerate(vectors, start):
                    row = store.add(Entry(Path(f"/pictures/{n}.jpg"), n.to_bytes(20, "big"), 1000, 1, f"caption {n}"))
                    store.put_vector(row, generation, vector)
            store.commit()
        Matrix(folder).write(gallery(store, None))
        store.close()


def seconds(command: list[object], until: str | None = None) -> float:
    """How long a command takes, or until a line with these words comes."""
    started = time.perf_counter()
    process = subprocess.Popen([sys.executable, *map(str, command)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    answered = None
    for line in process.stdout:
        if until and until in line and answered is None:
            answered = time.perf_counter() - started
    if process.wait():
        raise SystemExit(f"{command} ended with {process.returncode}")
    return answered or time.perf_counter() - started


def cold(folder: Path, work: Path, rounds: int) -> list[tuple[str, float]]:
    """Median seconds: the least there is to do, until the answers stand on the terminal, and the whole command."""
    text_tower = next(folder.glob("model/*/encoder-1"))
    least: list[object] = ["-c", LEAST, text_tower / "model.onnx", text_tower / "tokenizer.json"]
    search: list[object] = ["-m", "twinlens", "search", "--collection", folder, "--out", work / "out", "--text"]
    ways: dict[str, Callable[[str], float]] = {
        "import ONNX Runtime and a tokenizer, load the text tower": lambda _: seconds(least),
        "`twinlens search --text`, until the answers are printed": lambda query: seconds(
            [*search, query], "/pictures/"
        ),
        "the same, until its result.png and result.html are written": lambda query: seconds([*search, query]),
    }
    found: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name in list(ways)[:: 1 if number % 2 else -1]:
            took = ways[name](QUERIES[number % len(QUERIES)])
            if number:  # the first round fills the page cache
                found[name].append(took)
    return [(name, statistics.median(took)) for name, took in found.items()]


def warm(folder: Path, rounds: int) -> tuple[float, float]:
    """Median milliseconds of a search by a sentence in an open collection, and of embedding the sentence alone."""
    from twinlens.collection import Collection
    from twinlens.core.types import Sample

    whole, alone = [], []
    with Collection.open(folder) as collection:
        collection.search(text="warm up")
        for number in range(rounds):
            query = f"{QUERIES[number % len(QUERIES)]} {number}"
            started = time.perf_counter()
            collection.search(text=query)
            between = time.perf_counter()
            collection.model.embed([Sample("q", None, query)])
            whole.append(between - started)
            alone.append(time.perf_counter() - between)
    return 1000 * statistics.median(whole), 1000 * statistics.median(alone)


def section(folder: Path, work: Path, count: int, rounds: int) -> str:
    rows = cold(folder, work, rounds)
    whole, alone = warm(folder, 10 * rounds)
    size = sum(path.stat().st_size for path in (folder / "cache").iterdir()) / 1e6
    return "\n".join(
        [
            TITLE,
            "",
            f"`python benchmarks/query.py` on {hardware()}; {versions('onnxruntime', 'tokenizers', 'numpy')}.",
            "",
            f"{count:,} entries under the recipe `offline`, {size:,.0f} MB of vectors; medians of {rounds} runs.",
            "",
            "| From the command line | seconds | ratio |",
            "|---|---:|---:|",
            *(f"| {name} | {took:.2f} | {took / rows[0][1]:.2f}× |" for name, took in rows),
            "",
            f"In an open collection a search by a sentence takes {whole:.1f} ms at the median, of which embedding the "
            f"sentence is {alone:.1f} ms.",
            "",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=ENTRIES, help="fewer are not recorded")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--keep", type=Path, help="a folder for the collection, which is used again when it is there")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        folder = (given.keep or Path(work)) / "collection.twin"
        os.environ.setdefault("XDG_CACHE_HOME", str(folder.with_name("cache")))
        if not folder.exists():
            draft = folder.with_name("draft.twin")
            shutil.rmtree(draft, ignore_errors=True)
            collect(draft, given.entries)
            draft.rename(folder)
        text = section(folder, Path(work), given.entries, given.rounds)
    print(text)
    if given.entries == ENTRIES:
        write(TITLE, text)


if __name__ == "__main__":
    main()
