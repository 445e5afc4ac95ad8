"""Protocol A on a toy corpus in NLVR's shape: pictures in several orders, each with a sentence."""

from __future__ import annotations

import functools
import itertools
import json
import shutil
from dataclasses import replace

import pytest

from tests import toy
from twinlens.core.types import Dataset, Sample, TwinlensError
from twinlens.evaluation.paper import finished, replication
from twinlens.evaluation.paper.measures import NAMES

NUMBERS = ("one", "two", "three")


@pytest.fixture(scope="module")
def corpus() -> Dataset:
    """Eight sentences (two colours and a number), four scenes each, three orders of the tiles of each scene."""
    colours = list(toy.COLOURS)
    scenes = list(itertools.combinations_with_replacement(colours, 3))
    samples, scene_of, relevant = [], {}, {}
    for n, (sentence, scene) in enumerate(itertools.product(range(8), scenes[:4])):
        for k in range(3):
            tiles = scene[k:] + scene[:k]
            name = f"s{n}-{k}"
            text = f"{NUMBERS[sentence // 3]} {colours[sentence % 3]} tile"
            samples.append(Sample(name, functools.partial(toy.draw, tiles), text))
            scene_of[name] = (n, sentence)
    for sample in samples:
        relevant[sample.id] = frozenset(s.id for s in samples if s.text == sample.text) - {sample.id}
    ignore = {a: frozenset(b for b in scene_of if scene_of[b][0] == scene_of[a][0]) for a in scene_of}
    groups = {name: f"g{sentence}" for name, (_, sentence) in scene_of.items()}
    siblings = {name: str(scene) for name, scene in scene_of.items()}
    return Dataset(tuple(samples), tuple(samples), relevant, ignore, groups, siblings=siblings)


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A folder of finished repeats."""
    return tmp_path_factory.mktemp("repeats")


@pytest.fixture(scope="module")
def result(corpus, kept):
    recipe = toy.recipe(epochs=16, validation=0.3)
    return replication.replicate(recipe, corpus, repeats=2, cache=kept, progress=False)


def test_every_reading_has_mean_spread_and_interval(result):
    tables = [result["metrics"], result["leak_free"], *result["baselines"].values()]
    tables += result["leak_free_baselines"].values()
    for table in tables:
        assert set(table) - {"density"} == set(NAMES)
        for summary in table.values():
            assert 0 <= summary["mean"] <= 1
            assert summary["std"] >= 0
            assert len(summary["ci95"]) == 2


def test_the_random_split_leaks_and_the_fair_one_does_not(result):
    assert result["leak"]["random"]["sentence"]["mean"] > 0.9
    assert result["leak"]["random"]["sibling"]["mean"] > 0.5
    assert all(summary["mean"] == 0 for summary in result["leak"]["leak_free"].values())


def test_the_caption_in_the_gallery_gives_the_answer_away(result):
    """Over seeds and precisions the text alone has .66 to 1, both .37 to .95, the picture alone at most .14."""
    picture = result["baselines"]["image_only"]["hit@5"]["mean"]
    assert result["baselines"]["text_only"]["hit@5"]["mean"] > picture + 0.2
    assert result["metrics"]["hit@5"]["mean"] > picture


def test_every_table_has_rows_that_cannot_read(result):
    for table in (result["baselines"], result["leak_free_baselines"]):
        assert {"pixel_count", "random", "text_only", "untrained"} <= set(table)
        assert 0 < table["random"]["density"]["mean"] <= 1  # leak-free, the test side may have one sentence
        assert table["random"]["precision@5"]["mean"] == pytest.approx(table["random"]["density"]["mean"], abs=0.05)
    assert result["leak_free_baselines"]["text_only"].keys() == set(NAMES)


def test_the_words_about_the_leak_quote_its_figures(result):
    words = replication.explain_leak(result)
    for figure in (result["metrics"]["hit@5"], result["leak_free"]["hit@5"], result["leak"]["random"]["sibling"]):
        assert f"{figure['mean']:.1%}" in words


def test_repeats_side_by_side_change_nothing(corpus, result):
    settings = {"repeats": 2, "processes": 2, "progress": False}
    assert replication.replicate(toy.recipe(epochs=16, validation=0.3), corpus, **settings) == result


def test_finished_repeats_are_read_and_others_run_to_the_same_figures(corpus, kept, result, tmp_path, monkeypatch):
    shutil.copytree(kept, tmp_path / "repeats")
    first, second = sorted((tmp_path / "repeats").rglob("*.json"))
    known = json.loads(second.read_text())
    assert (known["recipe"], known["seed"]) == ("toy", 1) and "leak_free" in known["values"]
    first.write_text("damaged")
    run = []
    repeat = replication.run_repeat
    monkeypatch.setattr(replication, "run_repeat", lambda *a, **k: run.append(a[2]) or repeat(*a, **k))
    settings = {"repeats": 2, "cache": tmp_path / "repeats", "progress": False}
    assert replication.replicate(toy.recipe(epochs=16, validation=0.3), corpus, **settings) == result
    assert run == [0]
    assert second.stem == "1"


def test_repeats_of_something_else_are_refused(corpus, tmp_path):
    recipe, data = toy.recipe(epochs=1), replace(corpus, relevant=dict.fromkeys(corpus.relevant, frozenset()))
    finished.write(tmp_path, 0, finished.key_of(recipe, data), {}, recipe="toy", seconds=1)
    with pytest.raises(TwinlensError, match="another recipe or dataset"):
        replication.replicate(recipe, corpus, repeats=2, runs=tmp_path)


def test_a_repeats_key_depends_on_content_alone(corpus, tmp_path):
    """Not on where pictures lie, nor on the recipe's name; on every setting, relation and pixel."""
    recipe, keys = toy.recipe(), set()
    for place in ("here", "there"):
        folder = tmp_path / place
        folder.mkdir()
        samples = []
        for sample in corpus.gallery[:6]:
            sample.image().save(folder / f"{sample.id}.png")
            samples.append(replace(sample, image=folder / f"{sample.id}.png"))
        data = replace(corpus, queries=tuple(samples), gallery=tuple(samples))
        keys |= {finished.key_of(r, data) for r in (recipe, recipe.model_copy(update={"name": place}))}
    assert len(keys) == 1
    others = [
        (toy.recipe(epochs=7), data),
        (recipe, replace(data, siblings={})),
        (recipe, replace(data, groups={})),
        (recipe, replace(data, gallery=tuple(samples[:5]))),
        (recipe, replace(data, gallery=(replace(samples[0], image=toy.draw(("red",) * 3)), *samples[1:]))),
    ]
    assert len(keys | {finished.key_of(*other) for other in others}) == 6
