"""Ray: a cluster of several nodes embeds what one process would, also when a node is killed in the midst."""

from __future__ import annotations

import sqlite3
import threading
import time
from contextlib import closing, suppress

import numpy as np
import pytest

from tests.pictures import draw
from twinlens.collection import Collection
from twinlens.collection.ingest import Options
from twinlens.core.types import TwinlensError

pytestmark = pytest.mark.cluster
NODES, PICTURES = 3, 160


@pytest.fixture
def pictures(tmp_path):
    for n in range(PICTURES):
        draw(tmp_path / "p" / f"{n:03}.png", n)
    (tmp_path / "p" / "bad.png").write_bytes(b"no picture")
    return tmp_path / "p"


@pytest.fixture
def cluster():
    """Nodes of one machine, of which each but the first can be killed."""
    pytest.importorskip("ray", reason="pip install 'twinlens[ray]'")
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "object_store_memory": 10**8})
    yield made
    made.shutdown()


def found(folder, pictures, **options):
    """The content hashes and the vectors of a collection of the pictures."""
    with Collection.create(folder, recipe="compact") as made:
        report = made.add(pictures, options=Options(batch_size=8, **options))
        assert report.added == PICTURES and report.failed == 1
        assert made.verify() == []
        entries, vectors = made.entries_with_vectors()
        return {entry.hash: vector for entry, vector in zip(entries, vectors, strict=True)}


def committed(folder):
    """The number of vectors that a collection has, seen from outside; the file is not made by looking for it."""
    url = f"{(folder / 'collection.sqlite').as_uri()}?mode=ro"
    with suppress(sqlite3.OperationalError), closing(sqlite3.connect(url, uri=True)) as database:
        return database.execute("SELECT count(*) FROM vector").fetchone()[0]
    return 0


def test_a_killed_node_costs_its_batches_and_not_the_run(tmp_path, pictures, cluster):
    nodes = [cluster.add_node(num_cpus=1, object_store_memory=10**8) for _ in range(NODES - 1)]
    cluster.wait_for_nodes()
    there = []

    def kill_one():
        deadline = time.monotonic() + 300
        while not committed(tmp_path / "many") and time.monotonic() < deadline:
            time.sleep(0.02)
        cluster.remove_node(nodes[0], allow_graceful=False)
        there.append(committed(tmp_path / "many"))

    killer = threading.Thread(target=kill_one)
    killer.start()
    many = found(tmp_path / "many", pictures, executor="ray", address=cluster.address)
    killer.join()
    assert 0 < there[0] < PICTURES  # it was in the midst
    one = found(tmp_path / "one", pictures, workers=0)
    assert set(many) == set(one)
    assert min(float(many[content] @ vector) for content, vector in one.items()) > 0.99999


def test_objects_are_read_by_the_workers(tmp_path, pictures, cluster):
    """By URLs of files: those of memory are each process's own."""
    pytest.importorskip("fsspec", reason="pip install 'twinlens[fsspec]'")
    many = found(tmp_path / "many", f"file://{pictures}", executor="ray", address=cluster.address)
    assert set(many) == set(found(tmp_path / "one", pictures, workers=0))


def test_a_cluster_that_is_not_there_is_one_line(tmp_path, pictures):
    pytest.importorskip("ray", reason="pip install 'twinlens[ray]'")
    with Collection.create(tmp_path / "c", recipe="compact") as made:
        for address, line in (("127.0.0.1:1", "cannot be reached"), ("somewhere", "HOST:PORT"), ("a:x", "HOST:PORT")):
            with pytest.raises(TwinlensError, match=line) as told:
                made.add(pictures, options=Options(executor="ray", address=address))
            assert "\n" not in str(told.value)
        made.add(pictures, options=Options(workers=0))
        with pytest.raises(TwinlensError, match="cannot be reached"):  # even with nothing to embed
            made.add(pictures, options=Options(executor="ray", address="127.0.0.1:1"))


def test_a_model_without_a_folder_and_one_from_abroad_give_the_same_vectors(tmp_path, pictures):
    from twinlens.collection.ingest.executors._shipment import Shipment
    from twinlens.core.types import Sample
    from twinlens.models import serving

    model = serving.ready("compact")
    packed = Shipment.of(model, abroad=True)
    elsewhere = Shipment(tmp_path / "not-here", packed.digest, packed.files).unpack()
    sample = Sample("x", pictures / "001.png", "a circle")
    np.testing.assert_array_equal(elsewhere.embed([sample]), model.embed([sample]))
