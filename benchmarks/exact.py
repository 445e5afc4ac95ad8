"""How fast the exact scan is: single queries by the proved first pass, batches by matrix products; NumPy and faiss.

The vectors are unit vectors around centres, as those of pictures are; queries lie near some of them, and every tenth
has near ties around it: rows that differ from each other by 10⁻⁶. All ways take turns query by query, so that other
work on the machine slows all of them. The answers are compared with all distances in float64.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping

import numpy as np
from _results import hardware, skip, versions, write

from twinlens.core.progress import track
from twinlens.indexes import _first_pass, _trial
from twinlens.indexes._codes import most_levels
from twinlens.indexes._gpu import gpu_rows
from twinlens.indexes._scan import FEW_QUERIES, Scan, nearest, squared_lengths

TITLE = "## Exact search: the first pass by 8-bit codes"
WIDTH, CENTRES, SPREAD, K = 512, 1000, 1.5, 10
TIED, TIES, APART = 10, 40, 1e-6
"""Every so many queries one with so many near ties, at this distance."""
BATCH, AT_ONCE = 200, 20_000


def drawn(rows: int, queries: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors (N, D) around centres, and queries (Q, D) near some, with near ties around a part of them."""
    centres = rng.standard_normal((CENTRES, WIDTH), dtype=np.float32)
    vectors = np.empty((rows, WIDTH), dtype=np.float32)
    for start in range(0, rows, AT_ONCE):
        part = vectors[start : start + AT_ONCE]
        part[:] = centres[rng.integers(0, CENTRES, len(part))]
        part += SPREAD * rng.standard_normal(part.shape, dtype=np.float32)
        part /= np.linalg.norm(part, axis=1, keepdims=True)
    asked = (
        vectors[rng.integers(0, rows, queries)]
        + rng.standard_normal((queries, WIDTH), dtype=np.float32) / WIDTH**0.5 / 2
    )
    asked /= np.linalg.norm(asked, axis=1, keepdims=True)
    places = rng.permutation(rows)[: TIES * len(asked[::TIED])].reshape(-1, TIES)
    for query, tied in zip(asked[::TIED], places, strict=True):
        apart = rng.standard_normal((TIES, WIDTH), dtype=np.float32)
        apart *= APART * np.arange(TIES)[:, None] / np.linalg.norm(apart, axis=1, keepdims=True)
        vectors[tied] = query + 0.3 * vectors[tied[0]] + apart
        vectors[tied] /= np.linalg.norm(vectors[tied], axis=1, keepdims=True)
    return vectors, asked


def in_float64(vectors: np.ndarray, queries: np.ndarray) -> np.ndarray:
    """Rows (Q, K) of the least distances, computed in float64, then by row."""
    kept = np.full((len(queries), 4 * K), -1), np.full((len(queries), 4 * K), np.inf)
    asked = queries.astype(np.float64)
    for start in track(range(0, len(vectors), AT_ONCE), "float64", -(-len(vectors) // AT_ONCE), unit="blocks"):
        part = vectors[start : start + AT_ONCE].astype(np.float64)
        squares = np.square(part).sum(axis=1) - 2 * asked @ part.T
        chosen = np.argpartition(squares, 4 * K, axis=1)[:, : 4 * K]
        rows = np.hstack([kept[0], chosen + start])
        values = np.hstack([kept[1], np.take_along_axis(squares, chosen, axis=1)])
        best = np.argpartition(values, 4 * K, axis=1)[:, : 4 * K]
        kept = np.take_along_axis(rows, best, axis=1), np.take_along_axis(values, best, axis=1)
    found = []
    for rows, query in zip(kept[0], asked, strict=True):
        squares = np.square(vectors[rows].astype(np.float64) - query).sum(axis=1)
        found.append(rows[np.lexsort((rows, squares))][:K])
    return np.array(found)


def in_turns(ways: Mapping[str, Callable[[np.ndarray], object]], asked: list[np.ndarray]) -> dict[str, np.ndarray]:
    """Seconds of every way for every query, the ways taking turns."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for query in asked:
        for name, way in ways.items():
            begun = time.perf_counter()
            way(query)
            seconds[name].append(time.perf_counter() - begun)
    return {name: np.array(values) for name, values in seconds.items()}


def on_card(vectors: np.ndarray, norms: np.ndarray) -> dict[str, Callable[[np.ndarray], object]]:
    """Return the scan on a graphics card as a way by its name; none without a card on which it is faster."""
    try:
        import torch  # noqa: F401 - a card is looked for where torch is loaded
    except ImportError:
        return {}
    rows = gpu_rows(vectors, norms)
    return {} if rows is None else {"our scan on the graphics card": lambda queries: rows.nearest(queries, K)}


def lines(seconds: Mapping[str, np.ndarray], beside: tuple[str, ...], unit: float) -> list[str]:
    """Rows of a table: medians, and medians of the paired ratios."""
    rows = []
    for name, values in seconds.items():
        ratios = [f"{np.median(values / seconds[other]):.2f}" for other in beside]
        rows.append(f"| {name} | {unit * np.median(values):.1f} | {' | '.join(ratios)} |")
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--queries", type=int, default=1000, help="queries whose answers are compared with float64")
    parser.add_argument("--timed", type=int, default=50)
    given = parser.parse_args()
    try:
        import faiss
    except ImportError:
        skip("faiss is missing: pip install 'twinlens[faiss]'")
    rng = np.random.default_rng(0)
    vectors, asked = drawn(given.rows, given.queries, rng)
    norms = squared_lengths(vectors)
    scan = Scan(vectors, norms)
    begun = time.perf_counter()
    gains = scan.prepare()
    prepared = time.perf_counter() - begun
    if not gains or scan.first_pass is None:
        skip(f"the first pass is no gain here (codes up to {most_levels()})")
    truth = in_float64(vectors, asked)
    found = np.array(
        [scan.nearest(query[None], K)[0][0] for query in track(asked, "queries", len(asked), unit="queries")]
    )
    same, fallbacks = int((found == truth).all(axis=1).sum()), scan.first_pass.fallbacks
    card = on_card(vectors, norms)
    flat = faiss.IndexFlatIP(WIDTH)
    flat.add(vectors)
    single = in_turns(
        {
            "first pass, proved": lambda query: scan.nearest(query, K),
            "our scan in float32": lambda query: nearest(vectors, norms, query, K),
            **card,
            "NumPy, the product alone": lambda query: vectors @ query[0],
            "faiss Flat, inner product": lambda query: flat.search(query, K),
        },
        [query[None] for query in asked[: given.timed]],
    )
    batches = in_turns(
        {
            "our scan": lambda queries: scan.nearest(queries, K),
            **card,
            "NumPy, product and argpartition": lambda queries: np.argpartition(-(queries @ vectors.T), K, axis=1)[
                :, :K
            ],
            "faiss Flat, inner product": lambda queries: flat.search(queries, K),
        },
        [np.resize(np.roll(asked, -97 * n, axis=0), (BATCH, WIDTH)) for n in range(3)],
    )
    text = [
        TITLE,
        "",
        f"`python benchmarks/exact.py --rows {given.rows} --queries {given.queries}` on {hardware()};"
        f" {versions('numpy', 'onnxruntime', 'faiss-cpu')}.",
        "",
        f"{given.rows:,} unit vectors of {WIDTH} numbers, the {K} nearest. Coding them took {prepared:.1f} s. Of"
        f" {given.queries:,} queries, a tenth with {TIES} near ties {APART:g} apart, {same:,} have the answers of all"
        f" distances in float64; for {fallbacks:,} ({fallbacks / given.queries:.1%}) too little was proved, and every"
        " row was read.",
        "",
        "| one query | ms | ÷ our scan | ÷ NumPy |",
        "|---|---:|---:|---:|",
        *lines(single, ("our scan in float32", "NumPy, the product alone"), 1e3),
        "",
        f"| {BATCH} queries at once | ms | ÷ NumPy | ÷ faiss |",
        "|---|---:|---:|---:|",
        *lines(batches, ("NumPy, product and argpartition", "faiss Flat, inner product"), 1e3),
        "",
        f"The pass is used from {_first_pass.MIN_ROWS:,} rows on, for up to {FEW_QUERIES} queries at once,"
        f" where a trial on the collection's own vectors takes less than {_trial.GAIN:g} of the scan.",
        "",
    ]
    write(TITLE, "\n".join(text))
    print("\n".join(text))


if __name__ == "__main__":
    main()
