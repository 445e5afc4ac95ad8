"""Servers of the engines, started once for all tests of a process, and engines on them."""

from __future__ import annotations

import os
from contextlib import ExitStack

import pytest

from tests import unprivileged
from tests.collection.engines import milvus_server, postgres
from tests.mean_color import MeanColor
from tests.pictures import ALONE, draw
from twinlens.collection import Collection
from twinlens.core import variants

SERVERS = ("milvus", "pgvector")
MUST = "TWINLENS_ENGINES"


def engines(names=None):
    """Parameters: the names of engines, those on servers marked."""
    names = variants.names("collection.engines") if names is None else names
    return [pytest.param(name, marks=pytest.mark.servers) if name in SERVERS else name for name in names]


def skip(reason: str) -> None:
    """Skip the test, or fail it where it must run."""
    if os.environ.get(MUST) == "must":
        pytest.fail(f"this test must run: {reason}")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def pgvector():
    """A PostgreSQL server."""
    if reason := postgres.missing():
        skip(reason)
    with unprivileged.home() as home, ExitStack() as stack:
        server = postgres.Postgres.create(home)
        stack.callback(server.stop)
        yield server


@pytest.fixture(scope="session")
def milvus(tmp_path_factory):
    """A Milvus server."""
    if reason := milvus_server.missing():
        skip(reason)
    server = milvus_server.Milvus(tmp_path_factory.mktemp("milvus"))
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def make(request):
    """Make an engine by its name, on its server if it has one; all are closed at the end."""
    made = []

    def make(name, **options):
        if name in SERVERS:
            options = {"url": request.getfixturevalue(name).url, **options}
        made.append(variants.make("collection.engines", name, **options))
        return made[-1]

    yield make
    for engine in made:
        engine.close()


@pytest.fixture
def many(tmp_path):
    for seed in range(30):
        draw(tmp_path / "many" / f"{seed:02}.png", seed)
    with Collection.create(tmp_path / "c", MeanColor(), load=MeanColor.load) as collection:
        collection.add(tmp_path / "many", options=ALONE)
        yield collection
