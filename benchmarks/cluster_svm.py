"""k-means and an SVM that ranks cells (the paper's second method) beside faiss IVF, with the same cells.

Both search the same cells of the same gallery exactly; what differs is which cells they take: IVF those whose centres
are nearest, the SVM those with the highest decision values. It has several prototypes for each cell, so that ranking
costs as much as that of an IVF with so many times the cells, which is shown too, at as many times the probes. Plain
vectors are those of `exact.py`. Pairs are edits of drawn scenes: a picture and an instruction, composed by the model
`compact` that ships, and the picture that the edit leads to; and, where these are installed, clip arts with the title
of another of their folder, which is to be found by its picture alone. The SVM learns from the part of the queries that
is not asked, no scene and no target in both. Drawn is the share of answers among the first 10 over the share of the
gallery that is scanned, with 95 % bootstrap intervals over queries, scenes and targets. Costs are of fitting and of one
query.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from _clipart import DATA
from _pairs import Pairs, clip_arts, edits
from _results import hardware, skip, versions, write
from exact import WIDTH, K, drawn, in_turns
from matplotlib.figure import Figure

from twinlens import metrics
from twinlens.indexes import _faiss
from twinlens.indexes._machines import LinearMachine
from twinlens.indexes._recall import calibrated
from twinlens.indexes._scan import nearest, squared_lengths
from twinlens.indexes.cluster_svm import ClusterSvm

TITLE = "## Clusters and a support vector machine beside inverted lists"
IMAGE = Path(__file__).resolve().parents[1] / "docs" / "images" / "cluster-svm.png"
PROBES = (1, 2, 4, 8, 16, 32, 64, 128)
SIZES = (10_000, 30_000, 100_000, 300_000, 1_000_000)
SVM, UNTAUGHT, EXACT = "k-means + SVM", "k-means + SVM, no pairs", "everything scanned"
IVF, FINER = "faiss IVF, same cells", "faiss IVF, 4 × the cells"
COLOURS = {SVM: "#0072B2", UNTAUGHT: "#56B4E9", IVF: "#E69F00", FINER: "#8C8C8C"}
LEARNED = 0.7
"""Share of the scenes whose edits are learned from."""
Curve = list[tuple[float, np.ndarray]]
"""For numbers of cells the share that is scanned, and for every query the share of its answers that is found."""


def centres_of(index: ClusterSvm) -> np.ndarray:
    """The mean of the rows of every cell."""
    sums = np.zeros((index.most_effort, index.vectors.shape[1]))
    np.add.at(sums, index.labels, index.vectors)
    return (sums / np.bincount(index.labels)[:, None]).astype(np.float32)


def inverted(index: ClusterSvm, centres: np.ndarray) -> Any:
    """faiss's inverted lists of the same cells: each row in the list of its own."""
    faiss = _faiss.faiss()
    quantizer = faiss.IndexFlatL2(centres.shape[1])
    quantizer.add(centres)
    lists = faiss.IndexIVFFlat(quantizer, centres.shape[1], len(centres), faiss.METRIC_L2)
    lists.is_trained = True
    for start in range(0, len(index.vectors), _faiss.AT_ONCE):
        part = slice(start, min(start + _faiss.AT_ONCE, len(index.vectors)))
        rows, cells = np.arange(part.start, part.stop), np.ascontiguousarray(index.labels[part])
        block = np.ascontiguousarray(index.vectors[part])
        lists.add_core(len(rows), faiss.swig_ptr(block), faiss.swig_ptr(rows), faiss.swig_ptr(cells))
    return lists, quantizer


def along_probes(index: ClusterSvm, queries: np.ndarray, right: Callable[[np.ndarray], np.ndarray]) -> Curve:
    """Share scanned and share right, over numbers of cells, as the machine ranks them."""
    curve = []
    for probes in (p for p in PROBES if p <= index.most_effort):
        index.effort = probes
        scanned = np.mean([len(rows) for rows in index.shortlist(queries, K)])
        curve.append((float(scanned) / len(index.vectors), right(index.search(queries, K)[0])))
    return curve


def by_lists(
    lists: Any, index: ClusterSvm, centres: np.ndarray, queries: np.ndarray, right: Callable[[np.ndarray], np.ndarray]
) -> Curve:
    """The same by faiss."""
    curve, sizes = [], np.bincount(index.labels)
    order = np.argsort(-LinearMachine.of(centres[:, None]).decide(queries), axis=1)
    for probes in (p for p in PROBES if p <= index.most_effort):
        scanned = sizes[order[:, :probes]].sum(axis=1).mean()
        found = lists.search(queries, K, params=_faiss.probing(probes))[1]
        curve.append((float(scanned) / len(index.vectors), right(found)))
    return curve


def finer(index: ClusterSvm, queries: np.ndarray, right: Callable[[np.ndarray], np.ndarray]) -> Curve:
    """faiss with as many cells as the machine has prototypes, and as many times the probes."""
    faiss, times, width = _faiss.faiss(), index.prototypes, index.vectors.shape[1]
    quantizer = faiss.IndexFlatL2(width)
    lists = faiss.IndexIVFFlat(quantizer, width, times * index.most_effort, faiss.METRIC_L2)
    lists.cp.min_points_per_centroid = 1
    lists.train(_faiss.sample(index.vectors, 48 * lists.nlist, 0))
    _faiss.add(lists, index.vectors)
    curve, sizes = [], np.array([lists.invlists.list_size(n) for n in range(lists.nlist)])
    for probes in (p for p in PROBES if p <= index.most_effort):
        cells = quantizer.search(queries, times * probes)[1]
        found = lists.search(queries, K, params=_faiss.probing(times * probes))[1]
        curve.append((float(sizes[cells].sum(axis=1).mean()) / len(index.vectors), right(found)))
    return curve


def plain(rows: int, queries: int) -> tuple[list[str], dict[str, Curve]]:
    """The row of costs at one size, and the curves of plain vectors."""
    vectors, asked = drawn(rows, queries, np.random.default_rng(0))
    index = ClusterSvm(clusters="auto", probes="auto", kernel="linear")
    begun = time.perf_counter()
    index.fit(vectors)
    fitted = time.perf_counter() - begun
    last = 1 - nearest(vectors, index.squares, asked, K)[1][:, -1] / 2

    def right(found: np.ndarray) -> np.ndarray:
        scores = 1 - np.square(vectors[np.maximum(found, 0)] - asked[:, None]).sum(axis=2) / 2
        return np.asarray(((scores >= last[:, None] - 1e-5) & (found >= 0)).mean(axis=1))

    centres = centres_of(index)
    lists, _quantizer = inverted(index, centres)
    curves = {
        SVM: along_probes(index, asked, right),
        IVF: by_lists(lists, index, centres, asked, right),
        FINER: finer(index, asked, right),
    }
    calibrated(index, recall=0.99)
    how = _faiss.probing(index.effort)
    seconds = in_turns(
        {
            "svm": lambda query: index.search(query, K),
            "ivf": lambda query: lists.search(query, K, params=how),
            "scan": lambda query: nearest(vectors, index.squares, query, K),
        },
        [query[None] for query in asked[:50]],
    )
    medians = {name: 1e3 * float(np.median(values)) for name, values in seconds.items()}
    found, listed = index.search(asked, K)[0], lists.search(asked, K, params=how)[1]
    times = [f"{medians[name]:.2f}" for name in ("svm", "ivf", "scan")]
    recalls = [f"{right(found).mean():.3f}", f"{right(listed).mean():.3f}"]
    return [f"{rows:,}", f"{index.most_effort:,}", f"{fitted:.1f}", f"{index.effort}", *times, *recalls], curves


def paired(of: Pairs) -> tuple[list[str], dict[str, Curve], list[str]]:
    """Facts about pairs, the curves of composed queries, and the group of each query that is asked."""
    groups = np.unique(of.groups, return_inverse=True)[1]
    learned = np.random.default_rng(0).random(groups.max() + 1)[groups] < LEARNED
    asked, wanted = of.queries[~learned], of.targets[~learned]

    def right(found: np.ndarray) -> np.ndarray:
        return np.asarray((found == wanted[:, None]).any(axis=1), dtype=np.float64)

    index, taught = (ClusterSvm(clusters="auto", kernel="linear") for _ in range(2))
    index.fit(of.gallery)
    taught.fit(of.gallery, queries=of.queries[learned], targets=of.targets[learned])
    centres = centres_of(index)
    lists, _quantizer = inverted(index, centres)
    bound = right(nearest(of.gallery, squared_lengths(of.gallery), asked, K)[0])
    curves = {
        SVM: along_probes(taught, asked, right),
        UNTAUGHT: along_probes(index, asked, right),
        IVF: by_lists(lists, index, centres, asked, right),
        FINER: finer(index, asked, right),
        EXACT: [(1.0, bound)],
    }
    facts = [
        f"{len(of.gallery):,} pictures in {index.most_effort} cells; {learned.sum():,} pairs to learn from,"
        f" {len(asked):,} queries; an exact search has {bound.mean():.3f} of their targets among the first {K}."
    ]
    return facts, curves, [str(group) for group in groups[~learned]]


def draw(panels: Sequence[tuple[str, dict[str, Curve], list[str]]], path: Path) -> None:
    """Draw the curves with their intervals, a panel each."""
    figure = Figure(figsize=(5 * len(panels), 4.3), layout="constrained", dpi=150)
    for axes, (title, curves, groups) in zip(figure.subplots(1, len(panels)), panels, strict=True):
        for name, curve in curves.items():
            means = [metrics.bootstrap_ci(values, groups) for _, values in curve]
            x, y = [scanned for scanned, _ in curve], [summary.mean for summary in means]
            if name == EXACT:
                axes.axhline(y[0], color="#8C8C8C", linestyle=":", label=name)
                continue
            line = "--" if name == UNTAUGHT else "-"  # where pairs teach nothing, it runs along the other one
            axes.plot(x, y, f"o{line}", color=COLOURS[name], label=name, markersize=4)
            low, high = zip(*(summary.ci95 for summary in means), strict=True)
            axes.fill_between(x, low, high, color=COLOURS[name], alpha=0.15, linewidth=0)
        axes.set_xscale("log")
        axes.set_xlabel("share of the gallery that is scanned")
        axes.set_title(title, loc="left", fontsize="medium")
        axes.grid(color="#E3E3E3")
    named = {
        name: handle for axes in figure.axes for handle, name in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    figure.legend(named.values(), named, loc="outside lower center", ncols=len(named), frameon=False)
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path)


def table(curves: dict[str, Curve]) -> list[str]:
    """The curves as a table: a row for every number of cells."""
    names = [name for name in curves if name != EXACT]
    lines = [f"| cells | {' | '.join(f'{name}: scanned | recall@{K}' for name in names)} |",
             f"|---:|{'---:|' * 2 * len(names)}"]  # fmt: skip
    for n, probes in enumerate(PROBES[: len(curves[names[0]])]):
        values = [f"{scanned:.2%} | {found.mean():.3f}" for scanned, found in (curves[name][n] for name in names)]
        lines.append(f"| {probes} | {' | '.join(values)} |")
    return lines


def differences(curves: dict[str, Curve], groups: Sequence[str]) -> list[str]:
    """What the SVM finds more than others in as many cells: means over queries and paired 95 % intervals."""
    others = [name for name in (IVF, UNTAUGHT) if name in curves]
    lines = [f"| cells | {' | '.join(f'{SVM} − {name}' for name in others)} |", f"|---:|{'---:|' * len(others)}"]
    for n, probes in enumerate(PROBES[: len(curves[SVM])]):
        found = [metrics.paired_difference(curves[SVM][n][1], curves[name][n][1], groups) for name in others]
        values = [f"{one.mean:+.3f} ({one.ci95[0]:+.3f} to {one.ci95[1]:+.3f})" for one in found]
        lines.append(f"| {probes} | {' | '.join(values)} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000, help="the largest gallery of plain vectors")
    parser.add_argument("--queries", type=int, default=500)
    parser.add_argument("--scenes", type=int, default=2000, help="drawn scenes that the pairs are about")
    parser.add_argument("--arts", type=int, default=3000, help="clip arts that the others are about")
    given = parser.parse_args()
    try:
        import faiss  # noqa: F401
    except ImportError:
        skip("faiss is missing: pip install 'twinlens[faiss]'")
    sizes = [size for size in SIZES if size <= given.rows] or [given.rows]
    costs, curves = [], dict[str, Curve]()
    for size in sizes:
        print(f"{size:,} plain vectors …", file=sys.stderr, flush=True)
        cells, curves = plain(size, given.queries)
        costs.append(f"| {' | '.join(cells)} |")
    everything = [edits(given.scenes), *([clip_arts(DATA, given.arts)] if (DATA / "png").is_dir() else [])]
    each = [str(n) for n in range(given.queries)]
    panels = [(f"{sizes[-1]:,} plain vectors: recall@{K}", curves, each)]
    about = list[str]()
    for pairs in everything:
        print(f"Pairs: {pairs.about} …", file=sys.stderr, flush=True)
        facts, found, groups = paired(pairs)
        panels.append((f"{pairs.about}: target in the first {K}", found, groups))
        about += [f"### Pairs: {pairs.about}", "", *facts, "", *table(found), "", *differences(found, groups), ""]
    draw(panels, IMAGE)
    text = [
        TITLE, "",
        f"`python benchmarks/cluster_svm.py --rows {given.rows} --scenes {given.scenes} --arts {given.arts}` on"
        f" {hardware()}; {versions('numpy', 'scikit-learn', 'faiss-cpu')}.", "",
        f"Costs over plain vectors of {WIDTH} numbers: 2√N cells, rounded up to a power of two, probes calibrated to"
        f" recall@{K} .99; times of one query in ms.", "",
        "| rows | cells | fit, s | probes | SVM, ms | faiss IVF, ms | exact scan, ms | recall, SVM | recall, IVF |",
        "|---:|---:|---:|---:|---:|---:|---:|---:|---:|", *costs, "",
        f"### {sizes[-1]:,} plain vectors", "", *table(curves), "",
        *differences(curves, each), "",
        *about,
        f"![Recall over the share scanned](../docs/images/{IMAGE.name})", "",
    ]  # fmt: skip
    print("\n".join(text))
    write(TITLE, "\n".join(text))


if __name__ == "__main__":
    main()
