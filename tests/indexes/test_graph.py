"""Links in a graph: rows that it forgets for a while, and how its file is checked."""

from __future__ import annotations

import numpy as np
import pytest

from tests.indexes.drawn import clustered
from twinlens.indexes import _file, hnsw
from twinlens.indexes._recall import calibrated

faiss = pytest.importorskip("faiss")
ROWS = 1500


@pytest.fixture
def index(monkeypatch):
    monkeypatch.setattr(hnsw, "MIN_ROWS", 1)
    made = hnsw.Hnsw(links=8, build=40, search=ROWS)
    made.fit(clustered(ROWS))
    return made


def test_no_search_meets_hidden_rows_and_all_others_are_found(index):
    rows = np.arange(0, ROWS, 10)
    with index.without(rows) as hidden:
        assert set(hidden) <= set(rows) and len(hidden) > 0.7 * len(rows)
        found = np.unique(np.concatenate(index.shortlist(index.vectors, 10)))
        others = np.setdiff1d(np.arange(ROWS), hidden)
        assert not np.isin(found, hidden).any() and len(found) > 0.98 * len(others)


def test_the_graph_is_afterwards_as_it_was(index):
    before = faiss.serialize_index(index.structure)
    with pytest.raises(KeyError), index.without(np.arange(50)):
        assert (faiss.serialize_index(index.structure) != before).any()
        raise KeyError
    calibrated(index)
    np.testing.assert_array_equal(faiss.serialize_index(index.structure), before)


def test_a_mapped_graph_is_only_read(index, tmp_path):
    index.save(tmp_path / "f")
    with hnsw.Hnsw.load(tmp_path / "f", index.vectors).without(np.arange(50)) as hidden:
        assert not len(hidden)


@pytest.fixture
def saved(index, tmp_path, monkeypatch):
    """An index file of many blocks, and where links and codes begin in it."""
    monkeypatch.setattr(_file, "BLOCK", _file.PAGE)
    monkeypatch.setattr(_file, "SMALL", 0)
    index.save(tmp_path / "f")
    header, begin = _file.read_header(tmp_path / "f")
    links, codes = [begin + first for first, _ in header["late"]]
    return tmp_path / "f", links, codes


def overwrite(path, place, content):
    with path.open("r+b") as file:
        file.seek(place)
        file.write(content)


@pytest.mark.parametrize("what", ["links", "codes"])
def test_links_and_codes_are_checked_late(saved, what):
    path, links, codes = saved
    overwrite(path, {"links": links, "codes": codes}[what] + 2 * _file.PAGE, b"\1\0\0\0")
    file = _file.IndexFile.open(path)
    with pytest.raises(_file.DamagedIndexError, match="damaged"):
        file.check_late()


def test_what_lies_around_links_and_codes_is_checked_at_once(saved):
    path, links, codes = saved
    for place in (links - 100, codes - 100):
        whole = path.read_bytes()
        overwrite(path, place, bytes([whole[place] ^ 1]))
        with pytest.raises(_file.DamagedIndexError, match="damaged"):
            _file.IndexFile.open(path)
        path.write_bytes(whole)


@pytest.mark.parametrize("row", [ROWS, -2, 1 << 30])
def test_a_link_that_leads_to_no_row_is_refused_before_it_is_followed(saved, index, row):
    path, links, _ = saved
    overwrite(path, links + 2 * _file.PAGE, np.array(row, dtype="<i4").tobytes())
    with pytest.raises(_file.DamagedIndexError):
        hnsw.Hnsw.load(path, index.vectors)


def test_a_search_that_is_led_astray_in_an_upper_layer_meets_links_that_lead_nowhere(saved, index):
    path, at, _ = saved
    graph = index.structure.hnsw
    links = faiss.rev_swig_ptr(graph.neighbors.data(), graph.neighbors.size()).copy()
    begins, levels = (faiss.vector_to_array(numbers).astype(int) for numbers in (graph.offsets, graph.levels))
    above = [graph.cum_nb_neighbors(layer + 1) - graph.nb_neighbors(0) for layer in range(1, graph.max_level + 1)]
    assert (links[begins[-1] :] == -1).all() and len(links) - begins[-1] >= max(above) > 0
    astray = int(np.flatnonzero(levels == 1)[-1])
    for row in np.flatnonzero(levels > 1):
        links[begins[row] + graph.nb_neighbors(0) : begins[row + 1]] = astray
    skipped, end = -at % _file.PAGE, links.nbytes - (at + links.nbytes) % _file.PAGE  # whole blocks are checked late
    overwrite(path, at + skipped, links.tobytes()[skipped:end])
    found = hnsw.Hnsw.load(path, index.vectors).search(index.vectors[:100], 1)[0]
    np.testing.assert_array_equal(found[:, 0], np.arange(100))


def test_calibration_tells_the_recall_of_new_entries(index):
    assert 0.95 <= calibrated(index, recall=0.95).measured["new entries"] <= 1
