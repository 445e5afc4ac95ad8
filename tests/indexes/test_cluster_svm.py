from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twinlens.core.types import TwinlensError
from twinlens.indexes.cluster_svm import ClusterSvm
from twinlens.indexes.exact import Exact


def clustered(count=200, centres=6, dim=8, seed=0):
    rng = np.random.default_rng(seed)
    middles = 10 * rng.standard_normal((centres, dim))
    owner = np.arange(count) % centres
    return (middles[owner] + 0.3 * rng.standard_normal((count, dim))).astype(np.float32), owner


def fitted(index, vectors):
    index.fit(vectors)
    return index


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000), count=st.integers(1, 60), k=st.integers(1, 70), clusters=st.integers(1, 20))
def test_all_clusters_probed_gives_the_answers_of_exact(seed, count, k, clusters):
    vectors = np.random.default_rng(seed).standard_normal((count, 5)).astype(np.float32)
    vectors[count // 2 :] = vectors[: count - count // 2]
    rows, scores = fitted(ClusterSvm(clusters=clusters, probes=clusters), vectors).search(vectors, k)
    exact_rows, exact_scores = fitted(Exact(), vectors).search(vectors, k)
    assert np.array_equal(rows, exact_rows)
    assert np.array_equal(scores, exact_scores)


@pytest.mark.parametrize("kernel", ["linear", "rbf"])
def test_the_machine_finds_the_cluster_and_only_that_is_searched(kernel):
    vectors, owner = clustered()
    index = fitted(ClusterSvm(clusters=6, kernel=kernel), vectors)
    new = clustered(seed=0)[0] + 0.1
    assert np.array_equal(index.decide(new).argmax(axis=1), index.labels)
    rows, _ = index.search(new, 10)
    assert all(owner[entry] == owner[row] for row, line in enumerate(rows) for entry in line)
    assert np.array_equal(rows, fitted(Exact(), vectors).search(new, 10)[0])


def test_further_clusters_fill_up_to_k_answers():
    vectors, owner = clustered(count=60, centres=6)
    rows, scores = fitted(ClusterSvm(clusters=6), vectors).search(vectors, 25)
    assert scores.shape == (60, 25)
    assert all(len(set(line)) == 25 for line in rows.tolist())
    owners = [{owner[entry] for entry in line} for line in rows]
    assert all(len(few) == 3 for few in owners)  # 10 entries per cluster: three hold 25, and no fourth was searched
    assert np.all(np.diff(scores, axis=1) <= 0)


def test_one_probe_may_miss_what_lies_across_a_border():
    vectors = np.random.default_rng(0).uniform(-1, 1, (400, 2)).astype(np.float32)
    index, exact = fitted(ClusterSvm(clusters=15), vectors), fitted(Exact(), vectors)
    best, _ = exact.search(vectors, 10)

    def recall(probes):
        index.effort = probes
        rows, _ = index.search(vectors, 10)
        return np.mean([len(set(a) & set(b)) / 10 for a, b in zip(rows, best, strict=True)])

    one, three, all_of_them = recall(1), recall(3), recall(15)
    assert 0.5 < one < three <= all_of_them == 1


def test_fewer_vectors_or_distinct_vectors_than_clusters():
    rows, _ = fitted(ClusterSvm(), np.eye(3, dtype=np.float32)).search(np.eye(3, dtype=np.float32), 5)
    assert [line[0] for line in rows] == [0, 1, 2]
    same = np.ones((20, 4), dtype=np.float32)
    assert fitted(ClusterSvm(), same).search(same[:1], 3)[0].tolist() == [[0, 1, 2]]
    two = np.repeat(np.eye(2, dtype=np.float32), 10, axis=0)
    assert fitted(ClusterSvm(), two).search(two[[15]], 2)[0].tolist() == [[10, 11]]


def test_a_machine_trained_on_a_draw_knows_every_cluster():
    vectors, _ = clustered(count=300, centres=6)
    index = fitted(ClusterSvm(clusters=6, training_rows=1), vectors)
    assert index.decide(vectors).shape == (300, 6)
    assert index.search(vectors, 3)[1].shape == (300, 3)


def test_the_seed_decides():
    vectors = np.random.default_rng(0).standard_normal((200, 6)).astype(np.float32)
    one, same = (fitted(ClusterSvm(seed=5), vectors) for _ in range(2))
    assert np.array_equal(one.labels, same.labels)
    assert np.array_equal(one.search(vectors, 4)[0], same.search(vectors, 4)[0])


@pytest.mark.parametrize(
    "options", [{"clusters": 0}, {"probes": 0}, {"penalty": 0.0}, {"kernel": "cubic"}, {"clusters": 2.5}]
)
def test_options_that_make_no_sense_are_refused(options):
    with pytest.raises(TwinlensError):
        ClusterSvm(**options)


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_votes_without_scikit_learn_are_its_own(count):
    from sklearn.svm import SVC

    vectors, _ = clustered(centres=count)
    index = fitted(ClusterSvm(clusters=count), vectors)
    values = index.decide(vectors)
    assert values.shape == (200, count)
    if count > 1:
        svc = SVC(kernel="rbf").fit(vectors, index.labels)
        new = vectors + np.random.default_rng(0).standard_normal(vectors.shape).astype(np.float32) * 4
        assert np.mean(index.decide(new).argmax(axis=1) == svc.decision_function(new).argmax(axis=1)
                       if count > 2 else index.decide(new).argmax(axis=1) == svc.predict(new)) == 1  # fmt: skip


def gap(vectors, seed):
    """Queries as composed ones are: shrunk where entries differ most, beside all of them, and noisy."""
    rng = np.random.default_rng(seed)
    scale = np.where(np.arange(vectors.shape[1]) < 12, 0.2, 1.0)
    queries = vectors * scale + 1.2 * np.eye(vectors.shape[1])[0] + 0.05 * rng.standard_normal(vectors.shape)
    return (queries / np.linalg.norm(queries, axis=1, keepdims=True)).astype(np.float32)


def test_pairs_teach_where_targets_lie_that_centres_miss():
    rng = np.random.default_rng(0)
    vectors = (rng.standard_normal((6000, 24)) * np.linspace(2, 0.5, 24)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    rows = rng.permutation(6000)
    learned, asked = rows[:4000], rows[5000:5400]
    options = {"clusters": 64, "kernel": "linear"}
    plain, taught = fitted(ClusterSvm(**options), vectors), ClusterSvm(**options)
    taught.fit(vectors, queries=gap(vectors[learned], 1), targets=learned)
    assert np.array_equal(plain.labels, taught.labels)

    def found(index, probes):
        order = np.argsort(-index.decide(gap(vectors[asked], 2)), axis=1)[:, :probes]
        return np.mean([index.labels[row] in cells for row, cells in zip(asked, order, strict=True)])

    assert found(taught, 4) > found(plain, 4) + 0.3
    own = np.argsort(-taught.decide(vectors[asked]), axis=1)[:, :8]
    assert np.mean([taught.labels[row] in cells for row, cells in zip(asked, own, strict=True)]) > 0.9


def test_pairs_that_teach_nothing_leave_the_nearest_cells():
    vectors, _ = clustered(count=1500, centres=20)
    wrong = np.random.default_rng(0).permutation(1500)
    index = ClusterSvm(clusters=20, kernel="linear")
    index.fit(vectors, queries=vectors, targets=wrong)
    assert (index.decide(vectors).argmax(axis=1) == index.labels).mean() > 0.99


def test_an_option_of_numpy_is_kept_in_the_file(tmp_path):
    vectors, _ = clustered()
    index = ClusterSvm(clusters=np.int64(6), penalty=np.float32(0.5))
    index.fit(vectors)
    index.save(tmp_path / "f")
    assert ClusterSvm.load(tmp_path / "f", vectors).options == index.options


def test_pairs_that_do_not_fit_are_refused():
    vectors, _ = clustered()
    index = ClusterSvm(clusters=6, kernel="linear")
    for queries, targets in (
        (vectors[:3], [0, 1]),
        (vectors[:2, :4], [0, 1]),
        (vectors[:1], [200]),
        (vectors[:1], None),
        (vectors[:1], [0.5]),
        (vectors[:1], ["a"]),
        (None, [0]),
        (np.full_like(vectors[:1], np.nan), [0]),
        (np.full_like(vectors[:1], np.inf), [0]),
    ):
        with pytest.raises(TwinlensError):
            index.fit(vectors, queries=queries, targets=targets)
    with pytest.raises(TwinlensError, match="linear"):
        ClusterSvm().fit(vectors, queries=vectors[:1], targets=np.array([0]))


def test_clusters_are_chosen_by_the_number_of_rows():
    vectors = np.random.default_rng(0).standard_normal((3000, 6)).astype(np.float32)
    index = fitted(ClusterSvm(clusters="auto", probes="auto", kernel="linear"), vectors)
    assert index.most_effort == 128 and index.effort == 4
    with pytest.raises(TwinlensError, match="256 clusters"):
        ClusterSvm(clusters="auto")


def test_a_search_needs_no_scikit_learn(tmp_path, monkeypatch):
    import sys

    vectors, _ = clustered()
    for kernel in ("linear", "rbf"):
        index = fitted(ClusterSvm(clusters=6, kernel=kernel), vectors)
        index.save(tmp_path / kernel)
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, "sklearn", None)
            other = ClusterSvm.load(tmp_path / kernel, vectors)
            assert np.array_equal(other.search(vectors, 3)[0], index.search(vectors, 3)[0])
