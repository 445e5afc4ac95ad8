"""Protocol A: the paper's experiment, every reading of its claims, beside baselines and the same without the leak."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import multiprocessing
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from twinlens import __version__, metrics, splits
from twinlens.core.atomic import whole_file
from twinlens.core.progress import Bar, bar
from twinlens.core.recipe import Recipe
from twinlens.core.types import Dataset, Picture, Sample
from twinlens.evaluation import COMPOSED, Summary, as_summary, drop_side
from twinlens.evaluation.paper import measures
from twinlens.evaluation.paper.measures import Labelled
from twinlens.media import content, images
from twinlens.media.content import HashedPicture
from twinlens.models.composer import Composer
from twinlens.training import feature_cache
from twinlens.training.loop import train_recipe

BASELINES = ("image_only", "text_only", "sum", "untrained")
EPOCHS = 3
"""By default, so that ten repeats take minutes; the published readings are at their ceiling by then."""
Values = dict[str, dict[str, float]]
"""Lens or baseline → reading → value, of one repeat."""


@dataclass(frozen=True)
class Lenses:
    """Unit vectors (N, D) of the same samples through both lenses, the picture alone and the sentence alone."""

    both: NDArray[np.float32]
    image: NDArray[np.float32]
    text: NDArray[np.float32]

    @property
    def sum(self) -> NDArray[np.float32]:
        """Late fusion: the two single lenses added, unit length."""
        added = self.image + self.text
        unit: NDArray[np.float32] = added / np.maximum(np.linalg.norm(added, axis=1, keepdims=True), 1e-12)
        return unit

    def named(self) -> dict[str, NDArray[np.float32]]:
        """By the names of the results."""
        return {COMPOSED: self.both, "image_only": self.image, "text_only": self.text, "sum": self.sum}


def replicate(
    recipe: Recipe,
    dataset: Dataset,
    *,
    repeats: int = 10,
    seed: int = 0,
    device: str = "auto",
    processes: int = 1,
    cache: Path | None = None,
    progress: bool = False,
) -> dict[str, Any]:
    """Train and measure `repeats` times on fresh random splits, the paper's way and leak-free.

    {"metrics": {reading: summary}, "baselines": {name: {…}}, "leak_free": {…}, "leak_free_baselines": {…}, "leak":
    {…}}:
    mean, standard deviation and 95 % interval over the repeats. `leak` is the share of test pictures of which the train
    part holds another picture of the scene, the same sentence, or something of the same group, on either split.
    `processes` repeats run side by side, on one thread each; their number does not change the figures. cache:
    a folder that keeps finished repeats, which are read instead of run again, and notes (see `loop.train_recipe`).
    """
    seeds = range(seed, seed + repeats)
    with bar("repeats", repeats, unit="repeats", progress=progress) as advance:
        run = functools.partial(_once_only, recipe, dataset, _runs(recipe, dataset, cache), device=device)
        runs = _run_parallel(run, seeds, processes, advance)
    published = _summaries([run["published"] for run in runs])
    fair = _summaries([run["leak_free"] for run in runs])
    return {
        "metrics": published[COMPOSED],
        "baselines": {name: published[name] for name in BASELINES},
        "leak_free": fair[COMPOSED],
        "leak_free_baselines": {name: fair[name] for name in BASELINES},
        "leak": _summaries([run["leak"] for run in runs]),
    }


def explain_leak(result: Mapping[str, Any]) -> str:
    """What the leak explains, in plain words, from the figures of `replicate`."""
    published, fair, leak = result["metrics"], result["leak_free"], result["leak"]["random"]
    text_only = result["baselines"]["text_only"]["hit@5"]["mean"]
    image_only = result["baselines"]["image_only"]["hit@5"]["mean"]
    return (
        f"Read as the paper reads it, {_percent(published['hit@5'])} of the queries find a picture with their sentence "
        f"among the first five, and the SVM names the cluster of {_percent(published['cluster_svm_accuracy'])}. "
        f"Little of that is understanding: in a random split the training part holds another picture of the same "
        f"scene, only with its boxes in another order, for {_percent(leak['sibling'])} of the test pictures, and the "
        f"very sentence for {_percent(leak['sentence'])}. The sentence alone, which the gallery carries as a caption, "
        f"finds {text_only:.1%} and the picture alone {image_only:.1%}; and an SVM can name clusters that k-means drew "
        f"whatever they mean. When no scene, sentence or presentation stands on both sides, captions are taken out of "
        f"the gallery and the query's own scene is not an answer, hit@5 is {_percent(fair['hit@5'])}."
    )


def _percent(summary: Summary) -> str:
    return f"{summary['mean']:.1%}"


def _run_parallel(
    run: Callable[[int], dict[str, Values]], seeds: Sequence[int], processes: int, advance: Bar
) -> list[dict[str, Values]]:
    """One repeat for each seed, in their order."""
    if processes < 2:
        return [_counted(run(seed), advance) for seed in seeds]
    fresh = multiprocessing.get_context("spawn")  # a forked process would inherit torch's locked thread pools
    with ProcessPoolExecutor(processes, fresh, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        futures = [pool.submit(run, seed) for seed in seeds]
        try:
            for _ in as_completed(futures):
                advance()
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
        return [future.result() for future in futures]


def _counted(values: dict[str, Values], advance: Bar) -> dict[str, Values]:
    advance()
    return values


def _runs(recipe: Recipe, dataset: Dataset, cache: Path | None) -> Path | None:
    """Where finished repeats of this recipe on this dataset are kept."""
    if cache is None:
        return None
    digest = hashlib.blake2b(f"{__version__}\n{recipe.to_toml()}".encode(), digest_size=16)
    feature_cache.take_dataset(digest, dataset)
    return cache / "runs" / f"paper-{digest.hexdigest()}"


def _once_only(recipe: Recipe, dataset: Dataset, runs: Path | None, seed: int, *, device: str) -> dict[str, Values]:
    """A repeat, or what is kept of it; one that is damaged is run again."""
    if runs is None:
        return _repeat(recipe, dataset, seed, device=device, array_cache=None)
    file = runs / f"{seed}.json"
    with contextlib.suppress(OSError, ValueError):
        kept: dict[str, Values] = json.loads(file.read_text(encoding="utf-8"))
        return kept
    values = _repeat(recipe, dataset, seed, device=device, array_cache=runs.parents[1] / "notes")
    with whole_file(file) as beside:
        beside.write_text(json.dumps(values), encoding="utf-8")
    return values


def _repeat(recipe: Recipe, dataset: Dataset, seed: int, *, device: str, array_cache: Path | None) -> dict[str, Values]:
    dataset = _known(dataset)
    random, fair = splits.random_split(dataset, seed), splits.leak_free_split(dataset, seed)
    bare = replace(dataset, gallery=tuple(drop_side(dataset.gallery, "image")))
    without_scene = replace(bare, relevant={q: ids - bare.ignore[q] for q, ids in bare.relevant.items()})
    learn = functools.partial(train_recipe, recipe, seed=seed, device=device, array_cache=array_cache, progress=False)
    trained, _ = learn(splits.restrict(dataset, random.train))
    careful, _ = learn(splits.restrict(without_scene, fair.train))
    fresh = _embed(trained.untrained(seed=seed), dataset.gallery)
    leaky = {**_embed(trained, dataset.gallery).named(), "untrained": fresh.both}
    held = _embed(careful, dataset.gallery)
    labels = splits.labels(dataset, dataset.gallery)
    train, test = _rows(dataset, random.train), _rows(dataset, random.test)
    fair_train, fair_test = _rows(dataset, fair.train), _rows(dataset, fair.test)

    def labelled(vectors: NDArray[np.float32], rows: NDArray[np.int64]) -> Labelled:
        return Labelled(vectors, *labels).at(rows)

    published = {
        name: measures.with_leak(labelled(vectors, train), labelled(vectors, test), seed=seed)
        for name, vectors in leaky.items()
    }
    asked = {name: (vectors, held.image) for name, vectors in held.named().items()}
    asked["untrained"] = (fresh.both, fresh.image)
    leak_free = {
        name: measures.leak_free(
            labelled(vectors, fair_train), labelled(vectors, fair_test), labelled(pictures, fair_test), seed=seed
        )
        for name, (vectors, pictures) in asked.items()
    }
    leak = {
        "random": splits.measure_leak(dataset, random.train, random.test),
        "leak_free": splits.measure_leak(dataset, fair.train, fair.test),
    }
    return {"published": published, "leak_free": leak_free, "leak": leak}


def _embed(composer: Composer, samples: Sequence[Sample]) -> Lenses:
    """Each distinct sentence is embedded once: NLVR's 5,934 pictures have 248."""
    sentences = {text: n for n, text in enumerate(dict.fromkeys(sample.text for sample in samples))}
    words = composer.embed([Sample(str(n), None, text) for text, n in sentences.items()])
    return Lenses(
        both=composer.embed(samples),
        image=composer.embed(drop_side(samples, "image")),
        text=words[[sentences[sample.text] for sample in samples]],
    )


def _known(dataset: Dataset) -> Dataset:
    """The same with pictures known by their content; one that is decoded stays in memory for the next of its uses."""
    pictures: dict[Any, HashedPicture] = {}

    def know(samples: Sequence[Sample]) -> tuple[Sample, ...]:
        return tuple(s if s.image is None else replace(s, image=_once(pictures, s.image)) for s in samples)

    return replace(dataset, queries=know(dataset.queries), gallery=know(dataset.gallery))


def _once(pictures: dict[Any, HashedPicture], picture: Picture) -> HashedPicture:
    if picture not in pictures:
        decode = functools.cache(functools.partial(images.load, picture))
        pictures[picture] = HashedPicture(decode, content.key(picture))
    return pictures[picture]


def _rows(dataset: Dataset, ids: Sequence[str]) -> NDArray[np.int64]:
    places = {entry.id: row for row, entry in enumerate(dataset.gallery)}
    return np.array([places[entry] for entry in ids], dtype=np.int64)


def _summaries(runs: Sequence[Mapping[str, Mapping[str, float]]]) -> dict[str, dict[str, Summary]]:
    return {
        name: {key: as_summary(metrics.mean_std_ci([run[name][key] for run in runs])) for key in values}
        for name, values in runs[0].items()
    }
