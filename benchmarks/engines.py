"""Pushing vectors to PostgreSQL and Milvus, and single queries there beside the engine of this process.

Without --engine it starts the servers that `make test-engines` installs; each is reached over loopback or a socket.
The vectors are drawn around centres, as those of pictures lie; a query is an entry with some noise.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
from _no_networks import NoNetworks
from _results import hardware, skip, versions, write

from twinlens.collection import Collection
from twinlens.collection.engines import Engine
from twinlens.collection.engines._server import ServerEngine
from twinlens.collection.engines.local import LocalEngine
from twinlens.collection.remote import engine_at, push
from twinlens.collection.store import Entry, Store, writing

TITLE = "## Engines on servers"
ENTRIES, DIM, QUERIES, K = 30_000, 512, 50, 10
CENTRES, SPREAD = 500, 0.7


def fill(folder: Path, vectors: np.ndarray) -> None:
    Collection.create(folder, NoNetworks(DIM)).close()
    with writing(folder):
        store = Store.open(folder)
        serving = store.serving()
        assert serving is not None
        with store.change():
            for n, vector in enumerate(vectors):
                row = store.add(Entry(Path(f"/pictures/{n}.jpg"), n.to_bytes(20, "big"), 1000, 1))
                store.put_vector(row, serving, vector)
        store.commit()
        store.close()


def unit(vectors: np.ndarray) -> np.ndarray:
    return np.asarray((vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32))


@contextmanager
def started() -> Iterator[list[str]]:
    """Start the servers that are installed."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    from tests import unprivileged
    from tests.collection.engines import milvus_server, postgres

    urls = []
    with ExitStack() as stack:
        if postgres.missing() is None:
            database = postgres.Postgres.create(stack.enter_context(unprivileged.home()))
            stack.callback(database.stop)
            urls.append(database.url)
        if milvus_server.missing() is None:
            server = milvus_server.Milvus(Path(stack.enter_context(tempfile.TemporaryDirectory())))
            stack.callback(server.stop)
            server.start()
            urls.append(server.url)
        yield urls


def timed(engine: Engine, queries: np.ndarray) -> tuple[float, np.ndarray]:
    """Return the median milliseconds of a query, and the rows that were found."""
    engine.search(queries[:1], K)
    took, rows = [], []
    for n in range(len(queries)):
        begun = time.perf_counter()
        rows.append(engine.search(queries[n : n + 1], K)[0][0])
        took.append(time.perf_counter() - begun)
    return 1000 * statistics.median(took), np.stack(rows)


def recall(found: np.ndarray, wanted: np.ndarray) -> float:
    return float(np.mean([len(np.intersect1d(a, b)) / K for a, b in zip(found, wanted, strict=True)]))


def measured(folder: Path, urls: Sequence[str], queries: np.ndarray) -> list[str]:
    """Return a line of the table for the local engine, and for every index of every server."""
    store = Store.open(folder)
    local: LocalEngine | ServerEngine = LocalEngine()
    local.sync(store)
    base, wanted = timed(local, queries)
    lines = [f"| `local` | exact | | | {base:.1f} | 1.00× | 1.000 |"]
    for url in urls:
        for index in ("exact", "hnsw"):
            address = f"{url}{'&' if '?' in url else '?'}index={index}"
            pushed = push(folder, address)
            engine = engine_at(address)()
            engine.sync(store)
            milliseconds, found = timed(engine, queries)
            engine.close()
            rate = f"{pushed.written / pushed.seconds:,.0f}" if pushed.written else ""
            lines.append(
                f"| `{url.partition(':')[0]}` | {index} | {rate} | {pushed.seconds:.1f} | {milliseconds:.1f}"
                f" | {milliseconds / base:.2f}× | {recall(found, wanted):.3f} |"
            )
            print(lines[-1], flush=True)
    store.close()
    return lines


def section(folder: Path, urls: Sequence[str], entries: int) -> str:
    rng = np.random.default_rng(0)
    centres = unit(rng.standard_normal((CENTRES, DIM)))
    noise: Callable[[int], np.ndarray] = lambda count: SPREAD * unit(rng.standard_normal((count, DIM)))  # noqa: E731
    vectors = unit(centres[rng.integers(CENTRES, size=entries)] + noise(entries))
    queries = unit(vectors[rng.integers(entries, size=QUERIES)] + noise(QUERIES))
    fill(folder, vectors)
    lines = measured(folder, urls, queries)
    head = f"`python benchmarks/engines.py` on {hardware()}; {versions('numpy')}; every server on the same cores."
    return "\n".join(
        [
            TITLE,
            "",
            head,
            "",
            f"{entries:,} vectors of {DIM} numbers; medians of {QUERIES} single queries, k = {K}. The second push of a"
            " server writes no row: its seconds are those of comparing both sides and building the index.",
            "",
            "| engine | index | rows/s pushed | seconds of the push | ms per query | ratio | recall@10 |",
            "|---|---|---:|---:|---:|---:|---:|",
            *lines,
            "",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=ENTRIES)
    parser.add_argument("--engine", action="append", metavar="URL", help="a server that runs; may be repeated")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as work, ExitStack() as stack:
        urls = args.engine or stack.enter_context(started())
        if not urls:
            skip("no server is installed, and none is named by --engine")
        write(TITLE, section(Path(work) / "c", urls, args.entries))


if __name__ == "__main__":
    main()
