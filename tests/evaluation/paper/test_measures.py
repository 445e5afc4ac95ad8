from __future__ import annotations

import numpy as np
import pytest

from twinlens.evaluation.paper import measures
from twinlens.evaluation.paper.measures import (
    Labelled,
    across_items,
    by_sentence,
    cluster_svm_accuracy,
    leak_free,
    with_leak,
)

SENTENCES, SCENES, PICTURES = 20, 4, 6


def unit(vectors):
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def labels():
    """Every sentence has four scenes, every scene six pictures."""
    scenes = np.repeat(np.arange(SENTENCES * SCENES), PICTURES)
    return scenes // SCENES, scenes


def made(sentence=0.0, scene=0.0, noise=0.3, seed=0) -> Labelled:
    """Vectors that know the sentence and the scene to some degree."""
    rng = np.random.default_rng(seed)
    sentences, scenes = labels()
    parts = (
        sentence * np.random.default_rng(1).normal(size=(SENTENCES, 32))[sentences],
        scene * np.random.default_rng(2).normal(size=(SENTENCES * SCENES, 32))[scenes],
        noise * rng.normal(size=(len(scenes), 32)),
    )
    return Labelled(unit(sum(parts)), sentences, scenes)


def halves(data, seed=0):
    test = np.random.default_rng(seed).random(len(data.vectors)) < 0.2
    return data.at(~test), data.at(test)


def test_both_ways_use_the_same_names_in_the_same_order():
    published = with_leak(*halves(made(sentence=1)), seed=0)
    data = made(sentence=1)
    honest = leak_free(
        data.at(data.sentences < 10), data.at(data.sentences >= 10), data.at(data.sentences >= 10), seed=0
    )
    assert tuple(published) == tuple(honest) == measures.NAMES
    assert all(0 <= value <= 1 for value in [*published.values(), *honest.values()])


def test_vectors_that_know_the_sentence_read_it():
    found = with_leak(*halves(made(sentence=1)), seed=0)
    assert min(found["hit@1"], found["sentence_knn_accuracy"], found["sentence_svm_accuracy"], found["map"]) > 0.95
    assert found["cluster_svm_accuracy"] > 0.9


def test_siblings_alone_look_like_success_until_the_scene_is_ignored():
    """Pictures that know nothing but their scene: the paper's way rewards them, the leak-free way does not."""
    captioned = made(scene=1)
    published = with_leak(*halves(captioned), seed=0)
    test = captioned.sentences >= 10
    honest = leak_free(captioned.at(~test), captioned.at(test), made(scene=1, seed=3).at(test), seed=0)
    for name in ("hit@1", "sentence_knn_accuracy", "sentence_svm_accuracy"):
        assert published[name] > 0.85
        assert honest[name] < 0.35
    assert published["hit@5"] > 0.99 > 0.8 > honest["hit@5"]


def test_knowledge_that_crosses_scenes_survives():
    captioned = made(sentence=1, scene=0.3)
    test = captioned.sentences >= 10
    honest = leak_free(captioned.at(~test), captioned.at(test), made(sentence=1, scene=0.3, seed=3).at(test), seed=0)
    assert min(honest[name] for name in ("hit@1", "sentence_knn_accuracy", "sentence_svm_accuracy")) > 0.9


def test_a_seed_repeats():
    data = made(sentence=0.3, scene=0.3)
    assert with_leak(*halves(data), seed=4) == with_leak(*halves(data), seed=4)


def test_queries_without_a_counterpart_are_left_out_of_rankings():
    gallery = Labelled(unit(np.eye(3)), np.array([0, 1, 1]), np.array([0, 1, 2]))
    queries = Labelled(unit(np.eye(3)[[0, 1]]), np.array([5, 1]), np.array([7, 8]))
    assert by_sentence(queries, gallery)["hit@1"] == 1.0
    with pytest.raises(ValueError, match="no query shares its sentence"):
        by_sentence(queries.at(np.array([0])), gallery)
    own = queries.items[:, None] == np.array([0, 8, 2])[None, :]
    assert by_sentence(queries, gallery, ignore=own)["recall@5"] == 1.0


def test_two_folds_never_mix_a_scene():
    data = made(sentence=1)
    seen = []

    def record(support, asked):
        seen.append(len(asked.vectors))
        assert set(support.items).isdisjoint(asked.items)
        assert set(support.sentences) == set(range(SENTENCES)) == set(asked.sentences)
        return 1.0

    assert across_items(record, data, data, seed=0) == 1.0
    assert seen == [len(data.vectors) // 2] * 2


def test_queries_of_a_fold_without_support_are_missed():
    one = Labelled(unit(np.ones((2, 3))), np.array([0, 0]), np.array([4, 4]))
    assert across_items(lambda support, asked: 1.0, one, one, seed=0) == 0.0


def test_clusters_that_are_apart_are_learned_exactly():
    data = made(sentence=1, noise=0.01)
    train, test = halves(data)
    assert cluster_svm_accuracy(train.vectors, test.vectors, seed=0) > 0.98


@pytest.mark.filterwarnings("error")
def test_vectors_that_do_not_differ_have_one_cluster():
    same = np.ones((30, 4), dtype=np.float32) / 2
    assert cluster_svm_accuracy(same, same, seed=0) == 1.0
    two = np.concatenate([same, -same])
    assert cluster_svm_accuracy(two, two, seed=0) == 1.0
