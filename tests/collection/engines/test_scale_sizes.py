"""The model of cost in benchmarks/scale.py: its bytes are those of real files, and its figures those of RESULTS.md."""

from __future__ import annotations

import importlib
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from tests.indexes.drawn import clustered
from tests.mean_color import MeanColor
from tests.pictures import ALONE, draw
from twinlens.collection import Collection
from twinlens.core import variants

FOLDER = Path(__file__).resolve().parents[3] / "benchmarks"
ROWS = 10_000
"""The fewest that an index takes."""


@pytest.fixture
def scale(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    return importlib.import_module("scale")


@pytest.mark.parametrize("width", [512, 1026])
def test_a_collection_takes_the_bytes_of_the_model(scale, width, tmp_path):
    """Within a tenth for the database, to the byte for the matrix."""
    count = 400
    for number in range(count):
        draw(tmp_path / "Pictures" / "2021 holiday" / f"IMG_{number:05}.png", number)
        (tmp_path / "Pictures" / "2021 holiday" / f"IMG_{number:05}.txt").write_text(f"a red car {number} at the sea")
    with Collection.create(tmp_path / "c", MeanColor(dim=width), load=MeanColor.load) as collection:
        collection.add(tmp_path / "Pictures", options=ALONE)
    database = (tmp_path / "c" / "collection.sqlite").stat().st_size
    assert database == pytest.approx(scale.database_bytes(count, width), rel=0.1)
    matrix = sum(path.stat().st_size for path in (tmp_path / "c" / "cache").glob("*-*.*"))
    assert matrix == scale.matrix_bytes(count, width)


@pytest.mark.parametrize("kind", ["ivf", "hnsw"])
def test_an_index_takes_the_bytes_of_the_model(scale, kind, tmp_path):
    """Within two percent."""
    pytest.importorskip("faiss")
    width = 64
    index = variants.make("indexes", kind, **({"build": 20} if kind == "hnsw" else {}))
    index.fit(clustered(ROWS, width))
    index.save(tmp_path / "index")
    expected = getattr(scale, f"{kind}_bytes")(ROWS, width)
    assert (tmp_path / "index").stat().st_size == pytest.approx(expected, rel=0.02)


@pytest.mark.servers
@pytest.mark.parametrize("width", [512, 1026])
def test_postgresql_takes_the_bytes_of_the_model(scale, width, pgvector, tmp_path):
    """Within three percent, of a table without an index: it grows by several pages at once."""
    import psycopg

    count = 2000
    vectors = np.random.default_rng(0).random((count, width), dtype=np.float32)
    with closing(psycopg.connect(pgvector.url, autocommit=True)) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
        connection.execute(
            f'CREATE TABLE sizes ("row" bigint, "check" bigint NOT NULL, embedding vector({width}) NOT NULL)'
        )
        connection.execute("ALTER TABLE sizes ALTER COLUMN embedding SET STORAGE PLAIN")
        with connection.cursor().copy("COPY sizes FROM STDIN") as copy:
            for row, vector in enumerate(vectors):
                copy.write_row((row, row, str(vector.tolist())))
        (size,) = connection.execute("SELECT pg_relation_size('sizes')").fetchone()
        connection.execute("DROP TABLE sizes")
    assert size == pytest.approx(scale.pgvector_bytes(count, width), rel=0.03)


def test_every_constant_is_read_from_the_results(scale):
    constants = scale.measured(scale.RESULTS.read_text("utf-8"))
    assert constants.keys() == scale.RATES.keys()
    assert all(value > 0 for value in constants.values())


def test_a_section_that_is_missing_is_told(scale):
    with pytest.raises(SystemExit, match="lacks the section 'Indexing'"):
        scale.measured("# Benchmarks\n")


def test_a_plan_multiplies_what_was_measured(scale):
    rate = dict.fromkeys(scale.RATES, 1.0) | {"embed": 10.0, "picture": 2.0, "exact": 40.0}
    plan = scale.Plan(36_000, 100, 1e9, rate)
    assert plan.core_hours == pytest.approx(1)
    assert plan.source_bytes == pytest.approx(72e9)
    assert plan.scan_ms("exact") == pytest.approx(0.144)
    assert plan.machines(1.7e9) == 3
    assert plan.money(dict.fromkeys(scale.PRICES, 2.0))["embedding, once"] == pytest.approx(2)


def test_the_document_has_the_tables_of_the_script(scale):
    document = scale.DOCUMENT.read_text("utf-8")
    table = document.partition(scale.BEGIN)[2].partition(scale.END)[0]
    for name, _ in scale.ROWS:
        assert f"\n| {name} |" in table
    for rate in scale.RATES.values():
        assert f"\n| {rate.name} |" in table
    assert scale.filled(document, "new").count("new\n" + scale.END) == 1
