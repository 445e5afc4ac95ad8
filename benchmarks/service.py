"""The service under load: latency and rate with 1, 8 and 32 clients beside the network and the index alone.

The collection is that of benchmarks/query.py: 100,000 random entries under the recipe `offline`. Every query is another
sentence and the cache of embeddings is off. Clients are threads of this process with a connection each; the server is a
process of its own. The bare cost is measured in the same run: embed a sentence, scan the vectors, in one thread.
"""

from __future__ import annotations

import argparse
import http.client
import io
import itertools
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from _results import hardware, versions, write
from PIL import Image
from query import ENTRIES, collect

from twinlens.collection.search.request import SearchRequest
from twinlens.collection.search.scoring import LinearScorer
from twinlens.collection.search.search import Plan, embedded_queries

TITLE = "## The service"
CLIENTS = (1, 8, 32)
K = 10
NUMBERS = itertools.count()
"""Numbers that make every sentence another one."""
TOWERS = """
import io, sys
from PIL import Image
from twinlens.collection import Collection
from twinlens.core.types import Sample
from twinlens.media.sources import EncodedPicture
file = io.BytesIO()
Image.new("RGB", (224, 224), "gray").save(file, "JPEG")
with Collection.open(sys.argv[1]) as collection:
    collection.model.embed([Sample("a", EncodedPicture(file.getvalue()), "a picture")])
    collection.model.embed([Sample("a", None, "a picture")])
"""


def sentence() -> str:
    return f"a red dog number {next(NUMBERS)} at night"


class Connection:
    """A connection to the service that stays open."""

    def __init__(self, url: str) -> None:
        self.http = http.client.HTTPConnection(urlsplit(url).netloc, timeout=120)

    def ask(self, method: str, path: str, body: bytes | None = None, kind: str = "application/json") -> dict[str, Any]:
        self.http.request(method, path, body, {"content-type": kind} if body else {})
        response = self.http.getresponse()
        data = response.read()
        if response.status != 200:
            raise RuntimeError(f"{path} answered {response.status}: {data[:200]!r}")
        answered: dict[str, Any] = json.loads(data)
        return answered

    def search(self, **query: object) -> dict[str, Any]:
        return self.ask("POST", "/search", json.dumps({"k": K, **query}).encode())

    def upload(self, data: bytes, text: str) -> dict[str, Any]:
        part = "--b\r\nContent-Disposition: form-data; name="
        head = f'{part}"text"\r\n\r\n{text}\r\n{part}"image"; filename="a"\r\n\r\n'.encode()
        return self.ask("POST", "/search", head + data + b"\r\n--b--\r\n", "multipart/form-data; boundary=b")


@contextmanager
def server(folder: Path, *options: object) -> Iterator[tuple[str, float]]:
    """A server that is ready, and the seconds from its start until then."""
    begun = time.perf_counter()
    command = [sys.executable, "-m", "twinlens", "serve", "--collection", folder, "--port", 0, *options]
    process = subprocess.Popen(
        [str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert process.stdout is not None
        url = process.stdout.readline().partition(" at ")[2].split()[0]
        if process.stdout.readline() != "ready\n":
            raise SystemExit("the service is not ready")
        yield url, time.perf_counter() - begun
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def load(url: str, clients: int, seconds: float) -> list[float]:
    """Milliseconds of every search of some clients at once."""
    took: list[float] = []
    ends = time.perf_counter() + seconds

    def ask() -> None:
        connection = Connection(url)
        while (begun := time.perf_counter()) < ends:
            connection.search(text=sentence())
            took.append(1000 * (time.perf_counter() - begun))

    threads = [threading.Thread(target=ask) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return took


class Bare:
    """A search without the service: the network, the scorer and the scan alone, and all that the library does."""

    def __init__(self, folder: Path) -> None:
        from twinlens.collection import Collection

        self.collection = Collection.open(folder)
        self.collection.warm_up()

    def alone(self) -> None:
        """Embed a sentence and scan the vectors for it, as the library does, and look no answer up."""
        collection, session = self.collection, self.collection._session
        generation, model = collection.generation, collection.model
        plan = Plan.of(SearchRequest.of(None, sentence(), K), session.store, generation, model)
        (asked,) = embedded_queries([plan], session, session.engine.sync(session.store), generation, model)
        assert isinstance(asked.scorer, LinearScorer)
        session.engine.search(asked.scorer.queries, K)

    def library(self) -> None:
        self.collection.search(text=sentence(), k=K)


def measured(act: Callable[[], None], seconds: float) -> list[float]:
    """Milliseconds of every repetition of an act."""
    took, ends = [], time.perf_counter() + seconds
    while (begun := time.perf_counter()) < ends:
        act()
        took.append(1000 * (time.perf_counter() - begun))
    return took


def loads(folder: Path, seconds: float, rounds: int) -> list[tuple[str, list[float], float]]:
    """Name, milliseconds of every search and searches per second of each way; the ways take turns."""
    bare = Bare(folder)
    found: dict[str, list[float]] = {}
    with server(folder, "--cache", 0) as (url, _):
        ways: dict[str, Callable[[float], list[float]]] = {
            "network and index alone": lambda span: measured(bare.alone, span),
            "a search by the library": lambda span: measured(bare.library, span),
            **{f"the service, {n} client{'s' * (n > 1)}": partial(load, url, n) for n in CLIENTS},
        }
        spent = dict.fromkeys(ways, 0.0)
        for turn in range(rounds):
            for name in list(ways)[:: 1 if turn % 2 else -1]:
                begun = time.perf_counter()
                found.setdefault(name, []).extend(ways[name](seconds / rounds))
                spent[name] += time.perf_counter() - begun
    return [(name, found[name], len(found[name]) / spent[name]) for name in ways]


def slider(url: str, moves: int) -> tuple[list[float], int]:
    """Milliseconds of moves of the slider for a picture that was uploaded, and samples that were embedded for them."""
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (900, 1200, 3), dtype=np.uint8)).save(file, "JPEG")
    connection, took, embedded = Connection(url), [], 0
    (image,) = connection.upload(file.getvalue(), "at night")["query"]["image"]
    asked = {"image": image, "text": "at night", "k": 60, "distinct": 0.98}  # as the page asks
    connection.search(**asked, balance=0.5)
    for n in range(moves):
        begun = time.perf_counter()
        embedded += connection.search(**asked, balance=n / moves)["embedded"]
        took.append(1000 * (time.perf_counter() - begun))
    return took, embedded


def start(folder: Path, rounds: int) -> tuple[float, float]:
    """Median seconds until the service is ready, and until a program has loaded and used the towers; they alternate."""
    ready, towers = [], []
    for n in range(rounds + 1):
        with server(folder) as (_, took):
            pass
        begun = time.perf_counter()
        subprocess.run([sys.executable, "-c", TOWERS, folder], check=True)
        if n:  # the first round fills the page cache
            ready.append(took)
            towers.append(time.perf_counter() - begun)
    return statistics.median(ready), statistics.median(towers)


def quantile(took: list[float], share: float) -> float:
    return float(np.quantile(took, share))


def section(folder: Path, seconds: float, rounds: int) -> str:
    rows = loads(folder, seconds, rounds)
    with server(folder) as (url, _):
        moves, embedded = slider(url, 100)
    ready, towers = start(folder, rounds)
    median = statistics.median
    alone, _, one, *_, many = rows
    return "\n".join(
        [
            TITLE,
            "",
            f"`python benchmarks/service.py` on {hardware()}; {versions('fastapi', 'uvicorn', 'onnxruntime')}.",
            "",
            f"{ENTRIES:,} entries under the recipe `offline`, distinct sentences, no cache, {seconds:g} s each.",
            "",
            "| Searches | p50, ms | p99, ms | per second |",
            "|---|---:|---:|---:|",
            *(
                f"| {name} | {median(took):.1f} | {quantile(took, 0.99):.1f} | {rate:.1f} |"
                for name, took, rate in rows
            ),
            "",
            f"At the median the service adds {median(one[1]) - median(alone[1]):.1f} ms to network and index;"
            f" 32 clients get {many[2] / one[2]:.1f}× the rate of one. A move of the slider takes"
            f" {median(moves):.1f} ms (p99 {quantile(moves, 0.99):.1f} ms), with {embedded} samples embedded for 100"
            f" moves. From its start until it is ready the service takes {ready:.2f} s, a program that loads and uses"
            f" the towers {towers:.2f} s ({ready / towers:.2f}×).",
            "",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30.0, help="of each load")
    parser.add_argument("--entries", type=int, default=ENTRIES, help="fewer are not recorded")
    parser.add_argument("--rounds", type=int, default=5, help="starts")
    parser.add_argument("--keep", type=Path, help="a folder for the collection, which is used again when it is there")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        folder = (given.keep or Path(work)) / "collection.twin"
        os.environ.setdefault("XDG_CACHE_HOME", str(folder.with_name("cache")))
        if not folder.exists():
            collect(folder, given.entries)
        text = section(folder, given.seconds, given.rounds)
    print(text)
    if given.entries == ENTRIES and given.seconds >= 30:
        write(TITLE, text)


if __name__ == "__main__":
    main()
