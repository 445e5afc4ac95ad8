"""A served collection of captioned shades, and clients that ask it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from tests.collection.conftest import pictures, shades  # noqa: F401
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
    return collected(pictures)


@pytest.fixture
def served(folder):
    """A function from settings to a client of a service that is ready."""
    with ExitStack() as opened:
        yield lambda **settings: opened.enter_context(serving(**{"collections": (folder,), **settings}))


@pytest.fixture
def client(served):
    return served()


@pytest.fixture(scope="module")
def kept_folder(tmp_path_factory):
    """A collection like `folder` for all tests of a module that change neither it nor its pictures."""
    return collected(shades(tmp_path_factory.mktemp("kept").resolve() / "pictures"))


@pytest.fixture(scope="module")
def reader(kept_folder):
    """A client of one service over `kept_folder`, as starting one takes longer than most tests."""
    with serving(collections=(kept_folder,)) as client:
        yield client


def collected(painted: Path) -> Path:
    """Make a collection of painted shades beside them."""
    folder = painted.with_name("shades")
    with Collection.create(folder, MeanColor(), load=MeanColor.load) as made:
        made.add(painted, options=ALONE)
    return folder


@contextmanager
def serving(load=MeanColor.load, engine=None, **settings) -> Iterator[TestClient]:
    """A client of a service that is ready, until the end of the body."""
    with TestClient(create_app(Service(Settings(**settings), load, engine)), base_url=BASE) as client:
        until(lambda: client.get("/ready").status_code == 200)
        yield client


def until(condition, seconds: float = 120.0) -> None:
    """Wait until a condition holds."""
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends, "it does not come"
        time.sleep(0.02)
