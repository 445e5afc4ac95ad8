"""What the approximate indexes add to raw faiss, the recall they reach, how fast a mapped file opens, and build times.

Vectors are drawn as those of pictures are spread: around centres of unequal weight, along few directions that matter
much and many that matter little, so that neighbourhoods overlap; queries are further draws. Each index is calibrated to
the recall on the vectors alone, written to a file, and mapped again by a process of its own, beside the matrix file of
a collection; imports are not timed, nor is the database. Raw faiss is the same structure in memory, asked with the same
parameters: as it is, and with the distances of as many candidates computed again (IndexRefine), which our answers have;
and as it is from the same mapped file, whose pages cost more than those of memory.
Ways take turns query by query, in random order; each is asked twice and timed the second time, so that none finds the
caches as another left them.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from _results import hardware, skip, versions, write
from exact import AT_ONCE, WIDTH, K, in_turns, lines

from twinlens.collection.engines._cover import IndexedRows
from twinlens.collection.engines._index_files import IndexFiles
from twinlens.collection.store import Block, Gallery, Matrix, State
from twinlens.core import variants
from twinlens.indexes import _faiss
from twinlens.indexes._faiss_index import FaissIndex
from twinlens.indexes._recall import SAME, calibrated
from twinlens.indexes._scan import nearest, squared_lengths

TITLE = "## Approximate search"
LATENT, CENTRES, SPREAD, NOISE = 64, 2000, 0.7, 0.02
"""Directions that matter, centres, the spread around these, and noise in all directions."""
OPENED = 7
"""Processes that open the index; the median counts."""
OPEN = """
import sys, time
from pathlib import Path
import numpy as np, faiss
from twinlens.collection.engines._cover import Cover
from twinlens.collection.engines._index_files import IndexFiles
from twinlens.collection.store import Matrix, State
from twinlens.indexes import hnsw, ivf
folder, query = Path(sys.argv[1]), np.load(sys.argv[2])
begun = time.perf_counter()
gallery = Matrix(folder).read()
files = IndexFiles(folder)
indexed, _ = files.read(files.newest(), gallery.state)
Cover.of(indexed, gallery).search(query, 10)
print(time.perf_counter() - begun)
"""
STATE = State("benchmark", 1, 1, 1)


def like_pictures(rows: int, queries: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors (N, D) and queries (Q, D) of one distribution: around centres in a space of falling variances."""
    scale = (np.arange(1, LATENT + 1) ** -0.5).astype(np.float32)
    into = np.linalg.qr(rng.standard_normal((WIDTH, LATENT)))[0].T.astype(np.float32)
    centres = rng.standard_normal((CENTRES, LATENT), dtype=np.float32) * scale
    weights = 1 / np.arange(1, CENTRES + 1)
    every = np.empty((rows + queries, WIDTH), dtype=np.float32)
    for start in range(0, len(every), AT_ONCE):
        part = every[start : start + AT_ONCE]
        owners = rng.choice(CENTRES, len(part), p=weights / weights.sum())
        latent = centres[owners] + SPREAD * scale * rng.standard_normal((len(part), LATENT), dtype=np.float32)
        part[:] = latent @ into + NOISE * rng.standard_normal(part.shape, dtype=np.float32)
        part /= np.linalg.norm(part, axis=1, keepdims=True)
    return every[:rows], every[rows:]


def measure(name: str, vectors: np.ndarray, asked: np.ndarray, truth: np.ndarray, given: Any) -> list[str]:
    """The lines on one index."""
    index: FaissIndex = variants.make("indexes", name)
    fitted = built(name, index, vectors, given.built)
    begun = time.perf_counter()
    calibrated(index, recall=given.recall)
    chosen = time.perf_counter() - begun
    if not index.most_effort:
        skip(f"{len(vectors)} rows are too few for {name}")
    size, opened, mapped = filed(index, vectors, asked[:1], given.work)
    reached = float((mapped.search(asked, K)[1] >= truth[:, -1:] - SAME).mean())
    how, wanted = parameters(name, index), _faiss.with_spare(K, len(vectors))
    refined, _flat = refining(index, vectors, how, wanted)
    seconds = warm_turns(
        {
            "ours, from the mapped file": lambda query: mapped.search(query, K),
            "ours, in memory": lambda query: index.search(query, K),
            "raw faiss, distances computed again": lambda query: refined.search(query, K),
            "raw faiss, as many candidates": lambda query: index.structure.search(query, wanted, params=how),
            "raw faiss, the same, from the mapped file": lambda query: mapped.structure.search(
                query, wanted, params=how
            ),
        },
        [query[None] for query in asked[: given.timed]],
    )
    scan = in_turns({"": lambda query: nearest(vectors, index.squares, query, K)}, [one[None] for one in asked[:10]])[
        ""
    ]
    beside = tuple(seconds)[2:]
    return [
        f"### `{name}`",
        "",
        f"Built in {fitted:.1f} s and calibrated in {chosen:.1f} s to an effort of {index.effort} of"
        f" {index.most_effort:,}: recall@{K} {index.recall:.3f} on searches of its own, {reached:.3f} on"
        f" {len(asked):,} other queries. Its file has {size / 1e6:,.0f} MB; from a fresh process to the first answer"
        f" {1e3 * opened:.0f} ms. Our exact scan in float32 takes {1e3 * np.median(scan):.1f} ms.",
        "",
        "| one query | ms | ÷ faiss, computed again | ÷ faiss | ÷ faiss, mapped |",
        "|---|---:|---:|---:|---:|",
        *precise(seconds, beside),
        "",
    ]


def built(name: str, index: FaissIndex, vectors: np.ndarray, kept: Path | None) -> float:
    """Fit an index, or take its structure as an earlier run has left it; return the seconds that fitting took."""
    faiss, path = _faiss.faiss(), (kept or Path()) / f"{name}-{len(vectors)}.faiss"
    if kept and path.is_file():
        index.vectors, index.squares, index.is_fitted = vectors, squared_lengths(vectors), True
        index.structure = faiss.read_index(str(path))
        return float(json.loads(path.with_suffix(".json").read_text("utf-8"))["fitted"])
    begun = time.perf_counter()
    index.fit(vectors)
    fitted = time.perf_counter() - begun
    if kept:
        path.with_suffix(".json").write_text(json.dumps({"fitted": fitted}), "utf-8")
        faiss.write_index(index.structure, str(path))
    return fitted


def warm_turns(ways: Mapping[str, Callable[[np.ndarray], object]], asked: list[np.ndarray]) -> dict[str, np.ndarray]:
    """Seconds of every way for every query that it has just answered."""
    rng, names = np.random.default_rng(0), list(ways)
    seconds = {name: np.empty(len(asked)) for name in names}
    for n, query in enumerate(asked):
        for name in rng.permutation(names).tolist():
            ways[name](query)
            begun = time.perf_counter()
            ways[name](query)
            seconds[name][n] = time.perf_counter() - begun
    return seconds


def precise(seconds: dict[str, np.ndarray], beside: tuple[str, ...]) -> list[str]:
    """Rows of a table as those of `exact.lines`, with times of less than a millisecond."""
    rows = lines(seconds, beside, 1e3)
    medians = [f"{1e3 * np.median(values):.2f}" for values in seconds.values()]
    return [
        "|".join([*row.split("|")[:2], f" {median} ", *row.split("|")[3:]])
        for row, median in zip(rows, medians, strict=True)
    ]


def parameters(name: str, index: FaissIndex) -> Any:
    """The parameters of faiss for the effort of an index."""
    if name == "ivf":
        return _faiss.probing(index.effort)
    return _faiss.beaming(max(index.effort, _faiss.with_spare(K, len(index.vectors))))


def refining(index: Any, vectors: np.ndarray, how: Any, wanted: int) -> Any:
    """faiss's own index that computes the distances of so many candidates again, and the one that holds the vectors."""
    faiss = _faiss.faiss()
    flat = faiss.IndexFlatL2(WIDTH)
    flat.add(vectors)
    refined = faiss.IndexRefine(index.structure, flat)
    refined.k_factor = wanted / K
    structure = index.structure
    if hasattr(structure, "nprobe"):
        structure.nprobe = how.nprobe
    else:
        structure.hnsw.efSearch = how.efSearch
    return refined, flat


def filed(index: FaissIndex, vectors: np.ndarray, query: np.ndarray, folder: Path) -> tuple[int, float, Any]:
    """Write an index; return its bytes, the seconds until a fresh process has answered, and the index mapped again."""
    rows = np.arange(1, len(vectors) + 1)
    path = IndexFiles(folder).write(IndexedRows(index, rows, {"state": list(STATE[:2])}))
    np.save(folder / "query.npy", query)
    command = [sys.executable, "-c", OPEN, str(folder), str(folder / "query.npy")]
    took = [float(subprocess.run(command, capture_output=True, text=True, check=True).stdout) for _ in range(OPENED)]
    return path.stat().st_size, float(np.median(took)), type(index).load(path, vectors, index.squares)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--queries", type=int, default=500, help="queries that the recall is measured on")
    parser.add_argument("--timed", type=int, default=200)
    parser.add_argument("--recall", type=float, default=0.99)
    parser.add_argument("--index", action="append", help="ivf, hnsw (both)")
    parser.add_argument("--built", type=Path, help="a folder that keeps built structures for further runs as this one")
    given = parser.parse_args()
    try:
        import faiss  # noqa: F401
    except ImportError:
        skip("faiss is missing: pip install 'twinlens[faiss]'")
    vectors, asked = like_pictures(given.rows, given.queries, np.random.default_rng(0))
    squares = squared_lengths(vectors)
    truth = 1 - nearest(vectors, squares, asked, K)[1] / 2
    text = [TITLE, "", f"`python benchmarks/approximate.py --rows {given.rows} --queries {given.queries} --recall"
            f" {given.recall:g}` on {hardware()}; {versions('numpy', 'faiss-cpu')}.", "",
            f"{given.rows:,} unit vectors of {WIDTH} numbers, the {K} nearest.", ""]  # fmt: skip
    with tempfile.TemporaryDirectory() as work:
        given.work = Path(work)
        block = Block.of(np.arange(1, len(vectors) + 1), vectors)
        Matrix(given.work).write(Gallery(STATE, (block,)))
        for name in given.index or ("ivf", "hnsw"):
            text += measure(name, vectors, asked, truth, given)
    print("\n".join(text))
    write(TITLE, "\n".join(text))


if __name__ == "__main__":
    main()
