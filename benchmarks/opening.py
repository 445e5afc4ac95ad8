"""Opening a collection of 1,000,000 entries and answering its first query, beside `np.memmap` and one product.

Both run in a fresh process each, in turns, with the files in the page cache; imports and the query's network are left
out of both. The entries are random unit vectors whose scores are calibrated, as under the recipe `offline`; one in ten
has a caption.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from _no_networks import NoNetworks
from _results import hardware, versions, write

from twinlens.calibration import Channel

TITLE = "## Opening a large collection"
ENTRIES, BLOCK, AT_ONCE = 1_000_000, 255, 50_000
OURS = """
import sys, time, numpy
sys.path.insert(0, {here!r})
import opening
from twinlens.collection import Collection
import twinlens.collection.search.search
opening.query()
started = time.perf_counter()
collection = Collection.open({folder!r}, load=lambda _: opening.blocks())
hits = collection.search(image=opening.PICTURE, k=10)
print(time.perf_counter() - started, len(hits))
"""
PLAIN = """
import sys, time, numpy as np
sys.path.insert(0, {here!r})
import opening
direction = opening.query()[: opening.BLOCK]
started = time.perf_counter()
vectors = np.memmap({file!r}, dtype="<f4", mode="r", shape=({entries}, 2 * opening.BLOCK + 2))
scores = vectors[:, : opening.BLOCK] @ direction
best = np.argpartition(-scores, 10)[:10]
best = best[np.argsort(-scores[best])]
print(time.perf_counter() - started, len(best))
"""
PICTURE = Path(__file__)
"""Any file: the stand-in model does not read it."""


def blocks() -> NoNetworks:
    """A model that keeps a picture and a caption beside each other, as fusion `calibrated` does."""
    channels = (
        Channel("image", slice(BLOCK), slice(BLOCK), 2 * BLOCK),
        Channel("text", slice(BLOCK, 2 * BLOCK), slice(BLOCK, 2 * BLOCK), 2 * BLOCK + 1),
    )
    return NoNetworks(2 * BLOCK + 2, lambda count: np.stack([query()] * count), channels)


def query() -> np.ndarray:
    """A picture's vector without a caption."""
    return np.asarray(_entries(np.random.default_rng(1), 1, captioned=False)[0])


def _entries(rng: np.random.Generator, count: int, *, captioned: bool) -> np.ndarray:
    vectors = rng.standard_normal((count, 2 * BLOCK + 2)).astype(np.float32)
    vectors[:, -2:] = 0
    absent = np.ones(count, bool) if not captioned else rng.random(count) >= 0.1
    vectors[absent, BLOCK : 2 * BLOCK], vectors[absent, -1] = 0, 1
    for block in (slice(BLOCK), slice(BLOCK, 2 * BLOCK + 2)):
        vectors[:, block] /= np.sqrt(2) * np.linalg.norm(vectors[:, block], axis=1, keepdims=True)
    return vectors


def collect(folder: Path, count: int) -> Path:
    """Store so many entries, and return the file of the matrix."""
    from twinlens.collection import Collection
    from twinlens.collection.store import Block, Entry, Gallery, Matrix, Store, writing

    Collection.create(folder, blocks()).close()
    rng, everything = np.random.default_rng(0), []
    with writing(folder):
        store = Store.open(folder)
        serving = store.serving()
        assert serving is not None
        for start in range(0, count, AT_ONCE):
            vectors = _entries(rng, min(AT_ONCE, count - start), captioned=True)
            with store.change():
                for n, vector in enumerate(vectors, start):
                    row = store.add(Entry(Path(f"/pictures/{n}.jpg"), n.to_bytes(20, "big"), 1000, 1))
                    store.put_vector(row, serving, vector)
            store.commit()
            everything.append(vectors)
        rows = np.arange(1, count + 1)
        Matrix(folder).write(Gallery(store.state(), (Block.of(rows, np.concatenate(everything)),)))
        store.close()
    return next((folder / "cache").glob("vectors-*.f32"))


def section(folder: Path, count: int, rounds: int) -> str:
    file, here = collect(folder, count), str(Path(__file__).parent)
    facts = {"here": here, "folder": str(folder), "file": str(file), "entries": count}
    scripts = {"plain": PLAIN.format(**facts), "ours": OURS.format(**facts)}
    took: dict[str, list[float]] = {name: [] for name in scripts}
    for number in range(rounds + 1):
        for name, script in scripts.items():
            # Modules that are compiled anew in every process would be timed too.
            compiled = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
            done = subprocess.run(
                [sys.executable, "-c", script], check=True, capture_output=True, text=True, env=compiled
            )
            if number:  # the first round fills the page cache
                took[name].append(float(done.stdout.split()[0]))
    plain, ours = (statistics.median(took[name]) for name in ("plain", "ours"))
    ratio = statistics.median(a / b for a, b in zip(took["ours"], took["plain"], strict=True))
    return "\n".join(
        [
            TITLE,
            "",
            f"`python benchmarks/opening.py` on {hardware()}; {versions('numpy')}.",
            "",
            f"{count:,} entries of {2 * BLOCK + 2} numbers, one in ten captioned; a query by a picture; medians of"
            f" {rounds} runs, each in a process of its own, in turns.",
            "",
            "| | seconds | ratio (median of pairs) |",
            "|---|---:|---:|",
            f"| `np.memmap`, one product, the best ten | {plain:.3f} | 1.00× |",
            f"| `Collection.open`, the first search | {ours:.3f} | {ratio:.2f}× |",
            "",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=ENTRIES)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--work", type=Path, help="a folder with room for some 5 GB (default: a temporary one)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.work) as work:
        write(TITLE, section(Path(work) / "c", args.entries, args.rounds))


if __name__ == "__main__":
    main()
