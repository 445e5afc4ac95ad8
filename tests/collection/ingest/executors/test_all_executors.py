"""The contract of executors: every listed one yields one result for every job."""

from __future__ import annotations

from contextlib import closing

import numpy as np
import pytest

from tests.mean_color import MeanColor
from tests.pictures import draw
from twinlens.collection.ingest import Options
from twinlens.collection.ingest.decoding import Job
from twinlens.core import variants
from twinlens.core.types import Sample

FOLDER = "collection.ingest.executors"
OPTIONS = Options(workers=0, batch_size=4)


CLUSTERS = {"ray"}
"""Executors that start servers, which `make test-engines` installs and shuts in."""
EXECUTORS = [
    pytest.param(name, marks=pytest.mark.cluster) if name in CLUSTERS else name for name in variants.names(FOLDER)
]


@pytest.fixture(params=EXECUTORS)
def executor(request):
    return variants.variant_class(FOLDER, request.param)


@pytest.fixture
def jobs(tmp_path):
    return [Job(draw(tmp_path / f"{n}.png", n), "red car" if n % 2 else "", key=100 + n) for n in range(9)]


def results(executor, jobs, model):
    """The results by their jobs' keys."""
    batches = executor(lambda: model, OPTIONS, len(jobs)).embed(iter(jobs))
    every = [result for batch in batches for result in batch]
    assert len({result.key for result in every}) == len(every) == len(jobs)
    return {result.key: result for result in every}


def test_every_job_has_its_vector_size_and_caption(executor, jobs):
    model = MeanColor()
    found = results(executor, jobs, model)
    for job in jobs:
        (wanted,) = model.embed([Sample(str(job.path), job.path, job.caption)])
        np.testing.assert_array_equal(found[job.key].vector, wanted)
        assert found[job.key].caption == job.caption and min(found[job.key].size) > 0


def test_a_picture_that_cannot_be_read_is_a_reason_and_stops_nothing(executor, jobs):
    jobs[4].path.write_bytes(b"no picture")
    found = results(executor, jobs, MeanColor())
    assert found[104].vector is None and str(jobs[4].path) not in found[104].failure
    assert sum(result.vector is None for result in found.values()) == 1


def test_a_vector_with_nan_is_a_failure(executor, jobs):
    class Broken(MeanColor):
        def embed_prepared(self, prepared):
            return np.full((len(prepared), self.dim), np.nan, dtype=np.float32)

    assert {result.failure for result in results(executor, jobs, Broken()).values()} == {
        "the model makes no usable vector of it"
    }


def test_no_job_needs_no_model(executor):
    def load():
        raise AssertionError("the model was loaded")

    assert list(executor(load, OPTIONS, 0).embed(iter([]))) == []


def test_closing_ends_it(executor, jobs):
    with closing(executor(MeanColor, OPTIONS, len(jobs)).embed(iter(jobs))) as batches:
        assert next(batches)
    assert list(batches) == []
