"""Requests that are sent to hurt: none fails the service, hangs it, fills its memory, or reads other files."""

from __future__ import annotations

import asyncio
import io
import os
import random
import signal
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from PIL import Image

from tests.mean_color import MeanColor
from tests.service import hostile
from twinlens.media import images
from twinlens.service.intake import Intake
from twinlens.service.metrics import Metrics
from twinlens.service.observing import Observing
from twinlens.service.settings import Limits

LIMITS = Limits(picture=2**20, body=4 * 2**20, pixels=10_000_000, seconds=10)
EXPECTED = {200, 400, 413, 415}
MEGABYTE = 2**20
SLOW, DEADLY = 111, 112
_watched: dict[str, int] = {}


def _note(event: str, arguments: tuple) -> None:
    if event == "open" and _watched and isinstance(arguments[0], str | bytes):
        os.write(_watched["file"], os.fsencode(arguments[0]) + b"\n")


@pytest.fixture
def opened(tmp_path):
    """A function that lists the files that this process and its workers have opened since."""
    if "hook" not in globals():
        sys.addaudithook(_note)
        globals()["hook"] = True
    with (tmp_path / "opened").open("wb", buffering=0) as file:
        _watched["file"] = file.fileno()
        yield lambda: {os.fsdecode(line) for line in (tmp_path / "opened").read_bytes().splitlines()}
        _watched.clear()


def memory() -> int:
    """Bytes of memory that this process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def upload(client, name, data):
    begun = time.monotonic()
    response = client.post("/search", files=[("image", (name, data))], data={"k": "2"})
    assert response.status_code in EXPECTED, (name[:80], data[:40], response.text)
    assert time.monotonic() - begun < LIMITS.seconds + 40
    return response


class Sleepy(MeanColor):
    """A model whose preparation of a picture of one width never ends, and of another ends the process."""

    def prepare(self, sample):
        width = 0 if sample.image is None else images.load(sample.image).width
        if width == SLOW:
            time.sleep(60)
        if width == DEADLY:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().prepare(sample)


def of_width(width: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (width, 4)).save(file, "PNG")
    return file.getvalue()


def test_two_hundred_files_do_no_harm(opened, served, folder):
    client = served(limits=LIMITS)
    statuses, start = set(), 0
    for n, (name, data) in enumerate(hostile.files(200, seed=17)):
        statuses.add(upload(client, name, data).status_code)
        if n == 50:
            start = memory()
    assert statuses >= {200, 413, 415}
    assert memory() - start < 150 * MEGABYTE
    assert client.post("/search", json={"text": "red"}).status_code == 200
    allowed = (
        str(folder.parent),
        sys.prefix,
        sys.base_prefix,
        "/proc/self/",
        "/proc/stat",
        tempfile.gettempdir(),
        "/dev/null",
    )
    strange = {path for path in opened() if path.startswith("/") and not path.startswith(allowed)}
    source = str(Path(__file__).resolve().parents[2])
    assert {path for path in strange if not path.startswith(source)} <= {
        "/etc/localtime",
        "/etc/mime.types",
        "/dev/urandom",
    }


def test_forms_that_are_wrong_do_no_harm(served):
    client, rng = served(limits=LIMITS), random.Random(5)
    for _ in range(100):
        kind, body = hostile.forms(rng)
        response = client.post("/search", content=body, headers={"content-type": kind})
        assert response.status_code in EXPECTED, (kind[:60], body[:60], response.text)


def test_a_picture_that_takes_too_long_costs_its_own_request(served):
    client = served(limits=Limits(seconds=0.5), load=Sleepy.load)
    assert "took longer" in client.post("/search", files=[("image", ("a", of_width(SLOW)))]).json()["error"]
    assert client.post("/search", json={"text": "red"}).status_code == 200


def test_a_decoder_that_dies_costs_its_own_request(served):
    client = served(load=Sleepy.load)
    response = client.post("/search", files=[("image", ("a", of_width(DEADLY)))])
    assert response.status_code == 415 and "decoder ended" in response.json()["error"]
    assert client.post("/search", files=[("image", ("a", hostile.picture(random.Random(1), "PNG")))]).status_code == 200


def test_a_body_without_a_length_is_counted_as_it_comes(served):
    client = served(limits=LIMITS)
    endless = (bytes(2**16) for _ in range(200))
    response = client.post("/search", content=endless, headers={"content-type": "multipart/form-data; boundary=b"})
    assert response.status_code == 413
    response = client.post("/search", content=b"x", headers={"content-length": str(2**40)})
    assert response.status_code == 413


def test_pixels_are_bounded_before_they_are_decoded(served):
    client = served(limits=Limits(pixels=1000))
    response = client.post("/search", files=[("image", ("a", hostile.picture(random.Random(3), "PNG")))])
    assert response.status_code == 415 and "pixels" in response.json()["error"]


def test_a_body_that_comes_too_slowly_is_given_up():
    async def slow():
        await asyncio.sleep(30)

    async def app(scope, receive, send):
        await receive()

    answered = []

    async def send(message):
        answered.append(message)

    scope = {"type": "http", "method": "POST", "path": "/search", "headers": []}
    guarded = Observing(Intake(app, Limits(body_seconds=0.1)), Metrics())
    with ThreadPoolExecutor(1) as thread:  # a browser's tests leave a loop running in this one
        thread.submit(asyncio.run, guarded(scope, slow, send)).result()
    assert answered[0]["status"] == 408 and b"took too long" in answered[1]["body"]
