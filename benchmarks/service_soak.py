"""10,000 requests to a service within ten minutes, beside an index run that writes, and over a graceful restart.

Four clients search by words and by pictures, upload hostile files, and ask for thumbnails, records, similar pictures,
explanations and exports, while `twinlens index` adds pictures in another process. Half-way the server is stopped by
SIGTERM and started again at the same port. A request is lost if it was answered in part, or with a status of 500 or
more; one on a connection that was closed before any answer is sent again, as HTTP has it for requests that only read.
"""

from __future__ import annotations

import argparse
import http.client
import json
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

from _results import hardware, versions, write

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests import toy  # noqa: E402
from tests.service import hostile  # noqa: E402

TITLE = "## The service for a while"
REQUESTS, HOSTILE = 10_000, 2_000
CLIENTS, BATCH = 4, 20
MEGABYTE = 2**20
COLORS = list(toy.COLOURS)


class Server:
    """A server at a port that stays the same over restarts, and the memory of its process and its workers."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.start()

    def start(self) -> None:
        command = [
            sys.executable,
            "-m",
            "twinlens",
            "serve",
            "--collection",
            str(self.folder),
            "--port",
            str(self.port),
        ]
        self.process = subprocess.Popen([*command, "--json"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert self.process.stdout is not None
        self.process.stdout.readline()
        while self.status() != 200:
            time.sleep(0.05)

    def restart(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        if self.process.wait(60):
            raise SystemExit(f"the server ended with {self.process.returncode}")
        self.start()

    def status(self) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("GET", "/ready")
        return connection.getresponse().status

    def memory(self) -> float:
        """Megabytes of memory of their own that the process and its workers hold."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return sum(own_memory(pid) for pid in [str(self.process.pid), *children]) / MEGABYTE


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def own_memory(pid: str) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:  # a worker that has ended
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(("Private_Dirty", "Private_Clean")))


class Requests:
    """The requests of all clients, in an order of their own; each is taken once."""

    def __init__(self, port: int, count: int, hostile_count: int) -> None:
        rng = random.Random(0)
        kinds = ["hostile"] * hostile_count + rng.choices(
            ["words", "composed", "upload", "thumb", "picture", "file", "similar", "explain", "export", "fields"],
            [20, 20, 10, 30, 10, 10, 10, 5, 3, 1],
            k=count - hostile_count,
        )
        rng.shuffle(kinds)
        self.kinds, self.port, self.done = iter(enumerate(kinds)), port, 0
        self.lock, self.statuses, self.again, self.lost = threading.Lock(), Counter[int](), 0, list[str]()
        self.slowest = 0.0

    def run(self) -> None:
        """Send requests until there are no more."""
        connection, search, ids = self.connection(), "", ["1"]
        while True:
            with self.lock:
                number, kind = next(self.kinds, (0, ""))
            if not kind:
                return
            rng = random.Random(number)
            method, path, body, content = request(kind, rng, search, rng.choice(ids))
            begun = time.perf_counter()
            connection, status, data = self.send(connection, method, path, body, content)
            if status == 200 and kind in ("words", "composed", "upload"):
                answer = json.loads(data)
                search, ids = answer["search"], [hit["id"] for hit in answer["hits"]] or ids
            with self.lock:
                self.done += 1
                self.statuses[status] += 1
                self.slowest = max(self.slowest, time.perf_counter() - begun)
                if status >= 500:
                    self.lost.append(f"{kind}: {status} {data[:200]!r}")

    def connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)

    def send(
        self, connection: http.client.HTTPConnection, method: str, path: str, body: bytes | None, content: str
    ) -> tuple[http.client.HTTPConnection, int, bytes]:
        """Send a request, again where the connection was closed before an answer, or where the server is starting."""
        while True:
            try:
                connection.request(method, path, body, {"content-type": content} if body is not None else {})
                response = connection.getresponse()
            except (http.client.RemoteDisconnected, ConnectionError):
                self.again += 1
                time.sleep(0.02)
                connection = self.connection()
                continue
            data = response.read()
            if response.status != 503:
                return connection, response.status, data
            time.sleep(0.05)


def request(kind: str, rng: random.Random, search: str, entry: str) -> tuple[str, str, bytes | None, str]:
    """Method, path, body and content type of a request."""
    text = f"the {rng.choice(COLORS)} tile {rng.random()}"
    if kind == "words":
        return "POST", "/search", json.dumps({"text": text}).encode(), "application/json"
    if kind == "composed":
        query = {"text": text, "image": entry, "balance": rng.random()}
        return "POST", "/search", json.dumps(query).encode(), "application/json"
    if kind in ("upload", "hostile"):
        data = hostile.picture(rng, "PNG") if kind == "upload" else rng.choice(hostile.KIND_OF_FILE)(rng)
        head = b'--b--b\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n'
        return "POST", "/search", head + data + b"\r\n--b--b--\r\n", "multipart/form-data; boundary=b--b"
    paths = {
        "thumb": f"/thumbs/{entry}",
        "picture": f"/pictures/{entry}",
        "file": f"/pictures/{entry}/file",
        "similar": f"/similar/{entry}",
        "explain": f"/explain/{entry}?search={search}",
        "export": f"/export?search={search}&format={rng.choice(['csv', 'json', 'zip', 'paths'])}",
        "fields": "/fields",
    }
    return "GET", paths[kind], None, ""


def draw(folder: Path, start: int, count: int) -> None:
    for n in range(start, start + count):
        rng = random.Random(n)
        left, middle, right = rng.choices(COLORS, k=3)
        toy.draw((left, middle, right)).resize((120 + n % 50, 90)).save(folder / f"{n:05}.png")
        (folder / f"{n:05}.txt").write_text(f"a {rng.choice(COLORS)} tile")


def index(pictures: Path, folder: Path, ends: threading.Event, runs: list[int]) -> None:
    """Add pictures and index them, again and again."""
    command = [sys.executable, "-m", "twinlens", "index", str(pictures), "--collection", str(folder), "--workers", "1"]
    while not ends.is_set():
        draw(pictures, 10_000 + BATCH * len(runs), BATCH)
        runs.append(subprocess.run(command, capture_output=True, check=False).returncode)
        ends.wait(1)


def soak(work: Path, count: int, hostile_count: int) -> str:
    from twinlens.collection import Collection

    pictures, folder = work / "pictures", work / "c"
    pictures.mkdir()
    draw(pictures, 0, 500)
    with Collection.create(folder, recipe="compact") as made:
        made.add(pictures)
    server, runs, ends = Server(folder), list[int](), threading.Event()
    requests = Requests(server.port, count, hostile_count)
    threads = [threading.Thread(target=requests.run) for _ in range(CLIENTS)]
    writer = threading.Thread(target=index, args=(pictures, folder, ends, runs))
    begun, memory, restarted = time.perf_counter(), list[tuple[int, float]](), 0.0
    for thread in (*threads, writer):
        thread.start()
    while any(thread.is_alive() for thread in threads):
        time.sleep(1)
        if restarted == 0.0 and requests.done > count / 2:
            before = time.perf_counter()
            server.restart()
            restarted = time.perf_counter() - before
        memory.append((requests.done, server.memory()))
    seconds = time.perf_counter() - begun
    ends.set()
    writer.join()
    server.process.send_signal(signal.SIGTERM)
    code = server.process.wait(60)
    with Collection.open(folder) as indexed:
        pictures_now = len(indexed)
    second = [held for done, held in memory if done > 0.6 * count] or [0.0]
    text = [
        TITLE,
        "",
        f"`python benchmarks/service_soak.py` on {hardware()}; {versions('fastapi', 'uvicorn')}.",
        "",
        f"{requests.done:,} requests by {CLIENTS} clients in {seconds:.0f} s, {hostile_count:,} of them hostile"
        f" uploads; {len(runs)} runs of `twinlens index` beside them grew the collection from 500 to"
        f" {pictures_now:,} pictures."
        f" Statuses: {', '.join(f'{status}: {n:,}' for status, n in sorted(requests.statuses.items()))}. Lost:"
        f" {len(requests.lost)}; sent again over the restart, which took {restarted:.1f} s: {requests.again}."
        f" Memory of the server and its workers after the restart: {second[0]:.0f} MB,"
        f" at the end {second[-1]:.0f} MB. It ended with {code}; the index runs with {sorted(set(runs))}.",
        "",
    ]
    print("\n".join([*requests.lost[:5], f"slowest: {requests.slowest:.2f} s"]), file=sys.stderr)
    return "\n".join(text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=REQUESTS, help="fewer are not recorded")
    given = parser.parse_args()
    if given.requests < 1:
        parser.error(f"--requests wants a number from 1 on, not {given.requests}")
    work = Path(tempfile.mkdtemp())
    try:
        text = soak(work, given.requests, HOSTILE * given.requests // REQUESTS)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    print(text)
    if given.requests >= REQUESTS:
        write(TITLE, text)


if __name__ == "__main__":
    main()
