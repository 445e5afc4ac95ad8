"""The command itself: a real process that starts, answers, is stopped, and refuses."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from tests import toy
from tests.service.conftest import until
from twinlens.collection import Collection
from twinlens.service.server import bound

TOKEN = "0123456789abcdef-right"


@pytest.fixture(scope="module")
def tiles(tmp_path_factory):
    """A collection of tiles under the model that ships, and the folder of its pictures."""
    folder = tmp_path_factory.mktemp("tiles")
    (folder / "pictures").mkdir()
    for n, color in enumerate(toy.COLOURS):
        toy.draw((color, color, "red")).save(folder / "pictures" / f"{n}.png")
        (folder / "pictures" / f"{n}.txt").write_text(f"a {color} tile")
    with Collection.create(folder / "c", recipe="compact") as made:
        made.add(folder / "pictures")
    return folder


@pytest.fixture
def start(tiles):
    """Start `twinlens serve` with some arguments; it is killed at the end."""
    running = []

    def begin(*arguments, **environment):
        command = [sys.executable, "-m", "twinlens", "serve", "--collection", tiles / "c", *map(str, arguments)]
        environment = {**os.environ, **environment}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        running.append(subprocess.Popen(command, env=environment, **pipes))
        return running[-1]

    yield begin
    for process in running:
        process.kill()
        process.communicate()


@contextmanager
def serving(process):
    """A client of the process once it is ready."""
    about = json.loads(process.stdout.readline())
    with httpx2.Client(base_url=about["url"], trust_env=False, timeout=120) as client:
        until(lambda: client.get("/ready").status_code == 200)
        yield client


def test_it_answers_sees_new_pictures_and_ends(start, tiles):
    process = start("--port", 0, "--json")
    with serving(process) as client:
        before = client.get("/collections").json()["collections"][0]["pictures"]
        toy.draw(("green", "green", "blue")).save(tiles / "pictures" / "new.png")
        index = [sys.executable, "-m", "twinlens", "index", tiles / "pictures", "--collection", tiles / "c"]
        subprocess.run([str(part) for part in index], check=True, capture_output=True)
        found = client.post("/search", json={"image": [], "text": "green", "k": 50}).json()
        assert "new.png" in [hit["name"] for hit in found["hits"]] and len(found["hits"]) == before + 1
        metrics = client.get("/metrics").text
        assert 'twinlens_requests_total{route="/search",status="200"} 1.0' in metrics
        assert "process_resident_memory_bytes" in metrics
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0 and out == ""
    lines = [json.loads(line) for line in err.splitlines()]
    assert [line["event"] for line in (lines[0], lines[-1])] == ["listening", "stopped"]
    assert "green" not in err


def test_a_model_that_is_away_is_told_and_awaited(start, tiles):
    model, away = tiles / "c" / "model", tiles / "away"
    model.rename(away)
    try:
        process = start("--port", 0, "--json")
        about = json.loads(process.stdout.readline())
        with httpx2.Client(base_url=about["url"], trust_env=False, timeout=120) as client:
            until(lambda: "put a copy back" in client.get("/ready").json().get("error", ""))
            found = client.post("/search", json={"text": "a red tile"})
            assert found.status_code == 503 and "put a copy back" in found.json()["error"]
            away.rename(model)
            until(lambda: client.get("/ready").status_code == 200)
            assert client.post("/search", json={"text": "a red tile"}).json()["hits"]
            process.send_signal(signal.SIGTERM)
            _, log = process.communicate(timeout=120)
            assert log.count('"not loaded"') == 1
    finally:
        if away.exists():
            away.rename(model)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_is_in_flight_is_answered_before_the_end(start, number):
    process = start("--port", 0, "--json", "--cache", 0)
    with serving(process) as client:
        answers = []
        ask = lambda n: answers.append(client.post("/search", json={"text": f"a red tile {n}"}).status_code)  # noqa: E731
        threads = [threading.Thread(target=ask, args=(n,)) for n in range(24)]
        for thread in threads:
            thread.start()
        until(lambda: answers)
        process.send_signal(number)
        for thread in threads:
            thread.join(120)
        _, err = process.communicate(timeout=120)
    assert process.returncode == 0 and "Traceback" not in err
    assert answers.count(200) >= 1 and set(answers) == {200}


def test_a_client_that_leaves_amid_a_body_is_no_failure(start):
    process = start("--port", 0, "--json")
    with serving(process) as client:
        for kind in ("application/json", "multipart/form-data; boundary=x"):
            with socket.create_connection((client.base_url.host, client.base_url.port)) as connection:
                head = f"POST /search HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\nContent-Length: 99\r\n\r\n"
                connection.sendall(head.encode() + b"--")
        until(lambda: 'route="/search",status="499"} 2.0' in client.get("/metrics").text)
        client.post("/search", content=b"--y", headers={"content-type": "multipart/form-data; boundary=x"})
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=120)
    assert "Traceback" not in err and all(json.loads(line)["event"] for line in err.splitlines())


def test_requests_that_were_sent_before_the_end_are_answered(start):
    process = start("--port", 0, "--json")
    with serving(process) as client:
        address = client.base_url.host, client.base_url.port
    body = b'{"text": "a red tile"}'
    head = b"POST /search HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    connections = [socket.create_connection(address, timeout=120) for _ in range(60)]
    for connection in connections:
        connection.sendall(head % len(body) + body)
    process.send_signal(signal.SIGTERM)
    answers = {read_to_end(connection)[:12] for connection in connections}
    _, err = process.communicate(timeout=120)
    assert process.returncode == 0 and answers == {b"HTTP/1.1 200"}, err


def read_to_end(connection):
    """What a server sends until it closes a connection, which has no `Connection: close` of the client."""
    with connection, connection.makefile("rb") as file:
        return file.read()


def test_its_workers_end_when_it_is_killed(start):
    process = start("--port", 0, "--json")
    with serving(process) as client:
        assert client.get("/thumbs/1").status_code == 200
        children = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True).stdout.split()
    assert children
    process.kill()
    process.wait()
    until(lambda: not any(Path(f"/proc/{child}").exists() for child in children))


@pytest.mark.parametrize(
    ("arguments", "environment", "line"),
    [
        (["--host", "0.0.0.0"], {}, "TWINLENS_TOKEN"),
        (["--host", "0.0.0.0"], {"TWINLENS_TOKEN": "short"}, "fewer than 16 characters"),
        (["--token-file", "/nowhere/token"], {}, "token cannot be read"),
        (["--host", "203.0.113.1"], {"TWINLENS_TOKEN": TOKEN}, "address of this machine"),
        (["--collection", "/nowhere"], {}, "/nowhere"),
        (["--workers", 0], {}, "--workers wants a number from 1 on"),
        (["--port", 99999], {}, "--port wants a number from 0 to 65535"),
        (["--port", -1], {}, "--port wants a number from 0 to 65535"),
        (["--cache", -1], {}, "--cache wants a number from 0 on"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(start, arguments, environment, line):
    process = start("--port", 0, *arguments, **environment)
    _, err = process.communicate(timeout=120)
    shown = [text for text in err.splitlines() if not text.startswith("{")]
    assert process.returncode == 2 and len(shown) == 1 and line in shown[0], err


def test_words_of_queries_are_logged_where_that_is_asked(start):
    process = start("--port", 0, "--json", "--log-queries")
    with serving(process) as client:
        client.post("/search", json={"text": "a red tile"})
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=120)
    (query,) = [line for line in map(json.loads, err.splitlines()) if line["event"] == "query"]
    assert query["text"] == ["a red tile"] and query["collection"] == "c"


def test_a_port_in_use_is_one_line(start):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        process = start("--port", taken.getsockname()[1])
        _, err = process.communicate(timeout=120)
    assert process.returncode == 2 and "is in use by another program" in err


def test_others_need_the_token_of_the_file(start, tmp_path):
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    process = start("--port", 0, "--json", "--host", "0.0.0.0", "--token-file", tmp_path / "token")
    with serving(process) as client:
        assert client.get("/collections").status_code == 401
        assert client.get("/collections", headers={"authorization": f"Bearer {TOKEN}"}).status_code == 200


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_small_answers_are_sent_at_once(host):
    with bound(host, 0) as listener:
        assert listener.proto == socket.IPPROTO_TCP


def test_without_the_extra_it_says_what_to_install(tmp_path):
    program = (
        "import sys; sys.modules['prometheus_client'] = None; from twinlens.cli import main; sys.exit(main(['serve']))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2 and "pip install 'twinlens[serve]'" in done.stderr
