"""A served collection of captioned shades, and clients that ask it."""

from __future__ import annotations

import time

import pytest
from starlette.testclient import TestClient

from tests.collection.conftest import pictures  # noqa: F401
from tests.mean_color import MeanColor
from tests.pictures import ALONE
from twinlens.collection import Collection
from twinlens.service.app import create_app
from twinlens.service.service import Service
from twinlens.service.settings import Settings

BASE = "http://127.0.0.1:8765"


@pytest.fixture
def folder(tmp_path, pictures):  # noqa: F811
    """The folder of a collection of twelve pictures."""
    with Collection.create(tmp_path / "shades", MeanColor(), load=MeanColor.load) as made:
        made.add(pictures, options=ALONE)
    return tmp_path / "shades"


@pytest.fixture
def served(folder):
    """A function from settings to a client of a service that is ready."""
    opened = []

    def start(**settings):
        load, app_settings = settings.pop("load", MeanColor.load), {"collections": (folder,), **settings}
        client = TestClient(create_app(Service(Settings(**app_settings), load)), base_url=BASE)
        opened.append(client.__enter__())
        until(lambda: client.get("/ready").status_code == 200)
        return client

    yield start
    for client in opened:
        client.__exit__(None, None, None)


@pytest.fixture
def client(served):
    return served()


def until(condition, seconds: float = 120.0) -> None:
    """Wait until a condition holds."""
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends, "it does not come"
        time.sleep(0.02)
