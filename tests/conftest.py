"""Fixtures that several test files share."""

from __future__ import annotations

import os

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")  # two test processes on two cores
os.environ.setdefault("HF_HUB_OFFLINE", "1")

from tests import toy
from twinlens.composer import Composer
from twinlens.types import Dataset


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
