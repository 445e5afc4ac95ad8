"""Protocol A: every reading of the paper's two claims ("k-NN 79 %, SVM 92 %") as a pure function of vectors.

The paper does not define what its accuracies count, so each reading is measured: hits by sentence (section IV: "at
least one target is the correct image within the top K"), classification of the sentence by k-NN or by an SVM, and an
SVM that predicts k-means clusters (equation 4: correct / all). `with_leak` measures them the paper's way, `leak_free`
by the same names without the leaks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import LinearSVC

from twinlens.evaluation.chance import shares_relevant
from twinlens.metrics import Mask, per_query

Vectors: TypeAlias = NDArray[np.float32]
"""(N, D), unit length."""
Codes: TypeAlias = NDArray[np.int64]
"""(N,), class numbers."""

KS = (1, 5, 10)
CLUSTERS = 15
NEIGHBOURS = 5
WHITENED = 64
"""Principal components of the train vectors, whitened, that the SVMs learn from."""
FLAT = 1e-6
"""Share of the largest deviation below which a principal component is rounding, and is dropped."""
RANKED = (*(f"hit@{k}" for k in KS), "precision@5", "recall@5", "map")
NAMES = (*RANKED, "sentence_knn_accuracy", "sentence_svm_accuracy", "cluster_svm_accuracy")
"""Every reading, in the order of both results."""


@dataclass(frozen=True)
class Labelled:
    """Vectors (N, D) of samples, and the sentence and the items (N,) of each; siblings have the same items."""

    vectors: Vectors
    sentences: Codes
    items: Codes

    def at(self, rows: Codes | NDArray[np.bool_]) -> Labelled:
        """Select rows by number or by a mask."""
        return Labelled(self.vectors[rows], self.sentences[rows], self.items[rows])


def with_leak(train: Labelled, test: Labelled, *, seed: int) -> dict[str, float]:
    """Measure every reading the paper's way: test queries against train entries, the query's siblings among them.

    Both carry their sentences. Names: hit@1/5/10, precision@5, recall@5, map, sentence_knn_accuracy,
    sentence_svm_accuracy, cluster_svm_accuracy; each from 0 to 1.
    """
    return {
        **by_sentence(test, train),
        "sentence_knn_accuracy": sentence_knn_accuracy(train, test),
        "sentence_svm_accuracy": sentence_svm_accuracy(train, test, seed=seed),
        "cluster_svm_accuracy": cluster_svm_accuracy(train.vectors, test.vectors, seed=seed),
    }


def leak_free(train: Labelled, queries: Labelled, gallery: Labelled, *, seed: int) -> dict[str, float]:
    """Measure the readings of `with_leak`, by the same names, without its leaks.

    train and queries are captioned and share no group. gallery holds the pictures of the queries' groups embedded
    WITHOUT captions. The query's siblings are ignored in rankings; the sentence classifiers learn from gallery pictures
    of other items than the query's (two folds over items); the cluster SVM learns from train alone.
    """
    own = queries.items[:, None] == gallery.items[None, :]
    svm = partial(sentence_svm_accuracy, seed=seed)
    return {
        **by_sentence(queries, gallery, ignore=own),
        "sentence_knn_accuracy": across_items(sentence_knn_accuracy, queries, gallery, seed=seed),
        "sentence_svm_accuracy": across_items(svm, queries, gallery, seed=seed),
        "cluster_svm_accuracy": cluster_svm_accuracy(train.vectors, queries.vectors, seed=seed),
    }


def by_sentence(queries: Labelled, gallery: Labelled, *, ignore: Mask | None = None) -> dict[str, float]:
    """Rank by cosine (on unit vectors as by Euclidean distance, equation 3); entries of the same sentence are relevant.

    Returns means over the queries that have a relevant entry outside `ignore` (Q, N). Raises ValueError if none has.
    """
    relevant, ignored, answerable = _relations(queries, gallery, ignore)
    scores = queries.vectors[answerable] @ gallery.vectors.T
    values = per_query(scores, relevant, ignore=ignored, ks=KS)
    return {name: float(values[name].mean()) for name in RANKED}


def density(queries: Labelled, gallery: Labelled, *, ignore: Mask | None = None) -> float:
    """Return the mean share of relevant entries in the rankings of `by_sentence`."""
    relevant, ignored, _ = _relations(queries, gallery, ignore)
    return float(shares_relevant(relevant, ignored).mean())


def _relations(queries: Labelled, gallery: Labelled, ignore: Mask | None) -> tuple[Mask, Mask, Mask]:
    """Return relevant and ignored entries (A, N) of the A answerable queries, and which queries (Q,) these are."""
    relevant = queries.sentences[:, None] == gallery.sentences[None, :]
    ignored = np.zeros_like(relevant) if ignore is None else ignore
    relevant &= ~ignored
    answerable = relevant.any(axis=1)
    if not answerable.any():
        raise ValueError("no query shares its sentence with a gallery entry of other items")
    return relevant[answerable], ignored[answerable], answerable


def sentence_knn_accuracy(train: Labelled, test: Labelled, *, neighbours: int = NEIGHBOURS) -> float:
    """Measure how often the majority of the nearest train entries has the query's sentence (scikit-learn's vote)."""
    knn = KNeighborsClassifier(min(neighbours, len(train.vectors)), algorithm="brute")
    return float(knn.fit(train.vectors, train.sentences).score(test.vectors, test.sentences))


def sentence_svm_accuracy(train: Labelled, test: Labelled, *, seed: int) -> float:
    """Measure how often a linear SVM, one class per sentence against the rest, names the query's sentence."""
    return _svm_accuracy((train.vectors, train.sentences), (test.vectors, test.sentences), seed)


def cluster_svm_accuracy(train: Vectors, test: Vectors, *, seed: int, clusters: int = CLUSTERS) -> float:
    """Measure how often an SVM, trained on k-means clusters of the train vectors, names a test vector's cluster.

    There are fewer clusters where fewer train vectors differ.
    """
    distinct = len(np.unique(train, axis=0))
    kmeans = KMeans(min(clusters, distinct), n_init=10, random_state=seed).fit(train)
    return _svm_accuracy((train, kmeans.labels_), (test, kmeans.predict(test)), seed)


def across_items(
    accuracy: Callable[[Labelled, Labelled], float], queries: Labelled, gallery: Labelled, *, seed: int
) -> float:
    """Cross-validate over two folds of items: train on the gallery entries of one, classify the queries of the other.

    The sets of items of each sentence are dealt to both folds in turn; a sentence with one of them can only be missed.
    """
    second = _second_fold(gallery, seed)
    correct = 0.0
    for fold in (False, True):
        support = gallery.at(np.isin(gallery.items, second) != fold)
        test = queries.at(np.isin(queries.items, second) == fold)
        if len(support.vectors) and len(test.vectors):
            correct += accuracy(support, test) * len(test.vectors)
    return correct / len(queries.vectors)


def _second_fold(gallery: Labelled, seed: int) -> Codes:
    """Return every other set of items of each sentence, in a random order."""
    items, first = np.unique(gallery.items, return_index=True)
    order = np.lexsort((np.random.default_rng(seed).random(len(items)), gallery.sentences[first]))
    return items[order[1::2]]


def _svm_accuracy(train: tuple[Vectors, Codes], test: tuple[Vectors, Codes], seed: int) -> float:
    """Train a linear SVM and return its accuracy; both sides are (vectors, labels), one class needs no training."""
    vectors, labels = train
    if len(np.unique(labels)) == 1:
        return float((test[1] == labels[0]).mean())
    # Unit vectors of one model lie close together: as they are, a linear SVM is regularised to nothing and takes
    # minutes for NLVR's 248 sentences; whitened, it takes seconds and is right more often.
    pca = PCA(min(WHITENED, *vectors.shape), random_state=seed).fit(vectors)
    deviations = np.sqrt(pca.explained_variance_)
    varying = deviations > FLAT * deviations[0]

    def whiten(rows: Vectors) -> Vectors:
        whitened: Vectors = pca.transform(rows)[:, varying] / deviations[varying]
        return whitened

    svm = LinearSVC(C=0.05, dual=True, tol=1e-2, random_state=seed)
    return float(svm.fit(whiten(vectors), labels).score(whiten(test[0]), test[1]))
