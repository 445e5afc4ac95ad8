"""Whether an answer stands out, and what it stands for."""

from __future__ import annotations

import math

import numpy as np
import pytest
from PIL import Image
from scipy.stats import norm

from tests.mean_color import MeanColor, SideBySide
from tests.pictures import ALONE
from twinlens.calibration import Calibration
from twinlens.collection import Collection, Hits
from twinlens.collection.search.records import DOUBTFUL
from twinlens.collection.search.scoring import MIN_SAMPLE, LinearScorer
from twinlens.core.types import Hit, Sample


def asked(seed: int, count: int, *, planted: float | None = None) -> tuple[LinearScorer, np.ndarray]:
    """A query among unrelated entries, one of them as near as planted; and the cosines of all."""
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(count, 64)).astype(np.float32)
    query = rng.normal(size=64)
    query /= np.linalg.norm(query)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    if planted is not None:
        vectors[0] = planted * query + math.sqrt(1 - planted**2) * vectors[0]
    directions = np.append(query, 0)[None]
    return LinearScorer(Calibration((), vectors[:1024], min(count, 1024)), directions), vectors @ query


def test_the_chance_is_that_of_the_best_of_so_many_normal_scores():
    question, cosines = asked(0, 500)
    z = (cosines.max() - cosines.mean()) / cosines.std()
    assert question.chance(float(cosines.max()), 500) == pytest.approx(1 - norm.cdf(z) ** 500, abs=1e-3)


@pytest.mark.parametrize("count", [40, 400, 4000])
def test_among_the_unrelated_nothing_stands_out_and_what_is_near_does(count):
    unrelated, near = [], []
    for seed in range(60):
        question, cosines = asked(seed, count)
        unrelated.append(question.chance(float(cosines.max()), count))
        question, cosines = asked(seed, count, planted=0.9)
        near.append(question.chance(float(cosines.max()), count))
    assert np.mean(np.array(unrelated) > DOUBTFUL) > 0.85
    assert np.mean(np.array(near) > DOUBTFUL) < 0.05


def test_a_few_entries_are_not_judged():
    question, cosines = asked(0, MIN_SAMPLE - 1)
    assert question.chance(float(cosines.max()), MIN_SAMPLE - 1) is None
    assert asked(0, 100)[0].chance(0.5, 3) is None
    assert not Hits([]).doubtful and Hits([], chance=0.4).doubtful


def test_hits_are_a_list():
    hit = Hit(Sample("1", None), 0.5)
    assert Hits([hit], chance=0.01) == [hit] and not Hits([hit], chance=0.01).doubtful


@pytest.fixture(params=[MeanColor, SideBySide])
def crowd(request, tmp_path):
    """Forty pictures of bright tiles, and one of them three times, in another size and another format."""
    folder = tmp_path.resolve() / "crowd"
    folder.mkdir()
    for seed in range(40):
        tiles = 255 * np.random.default_rng(seed).integers(0, 2, (2, 2, 3), dtype=np.uint8)
        Image.fromarray(tiles).resize((32, 32), Image.Resampling.NEAREST).save(folder / f"{seed}.png")
    with Image.open(folder / "7.png") as picture:
        picture.save(folder / "7-again.jpg", quality=95)
        picture.resize((16, 16)).save(folder / "7-small.png")
    with Collection.create(tmp_path / "c", request.param(), load=request.param.load) as collection:
        collection.add(folder, options=ALONE)
        yield collection, folder


def test_a_search_tells_the_chance_of_its_best_answer(crowd):
    collection, folder = crowd
    scores = np.array([hit.score for hit in collection.search(folder / "3.png", k=99, with_self=True)])
    z = (scores[0] - scores.mean()) / scores.std()
    hits = collection.search(folder / "3.png", k=1, with_self=True)
    assert hits.chance == pytest.approx(1 - norm.cdf(z) ** len(scores), abs=1e-3)
    assert hits.doubtful == (hits.chance > DOUBTFUL)


def test_near_duplicates_are_shown_once_and_counted(crowd):
    collection, folder = crowd
    plain = collection.search(folder / "7.png", k=3, with_self=True)
    first, second = collection.search(folder / "7.png", k=2, distinct=0.95, with_self=True)
    stood = {collection.entry(entry).path.stem for entry in first.duplicates}
    assert first.sample.image.stem.startswith("7") and not second.sample.image.stem.startswith("7")
    assert stood == {"7", "7-again", "7-small"} - {first.sample.image.stem}
    assert all(hit.duplicates == () for hit in plain)
