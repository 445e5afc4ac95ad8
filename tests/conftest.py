"""Fixtures that several test files share."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")  # two test processes on two cores
os.environ.setdefault("HF_HUB_OFFLINE", "1")
if hasattr(os, "register_at_fork"):  # children must not collect other tests' networks, whose threads they lack
    os.register_at_fork(after_in_child=gc.freeze)

from tests.systems import imitation

if os.environ.get(imitation.VARIABLE):
    imitation.begin(os.environ[imitation.VARIABLE])

from tests import graphs, operators, toy
from twinlens.core import plugins
from twinlens.core.types import Dataset
from twinlens.models.composer import Composer

operators.share()


@pytest.fixture(scope="session", autouse=True)
def cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What is kept in the user's cache folder goes with the tests, and none of the user's own is taken."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("user-cache")))
        yield


@pytest.fixture(scope="session")
def run_folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A temporary folder of all processes of this run."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if hasattr(request.config, "workerinput") else own


@pytest.fixture(scope="session", autouse=True)
def kept_graphs(run_folder: Path) -> Iterator[None]:
    """The graphs that tests export are made once."""
    with pytest.MonkeyPatch.context() as patch:
        graphs.keep(patch, run_folder)
        yield


@pytest.fixture(scope="session")
def offline_export(cache_folder: None, run_folder: Path) -> tuple[str, list[str]]:
    """An export of `offline` in the cache of the tests; its digest, and the lines that were told as it was made."""
    from tests import offline

    return offline.put_in_cache(run_folder / "offline-export")


@pytest.fixture(scope="session")
def toy_edits() -> Dataset:
    """The toy world's edits."""
    return toy.edits()


@pytest.fixture
def toy_composer(toy_edits: Dataset) -> Composer:
    """An untrained composer of the toy recipe that knows the toy's words."""
    composer = Composer.build(toy.recipe())
    composer.fit(toy_edits.queries)
    return composer


@pytest.fixture
def nothing_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """No plug-in known or allowed, as in a fresh process."""
    monkeypatch.setattr(plugins, "_loaded", {})
    monkeypatch.setattr(plugins, "_allowed", [])
