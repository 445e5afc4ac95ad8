"""Searches by a model that keeps pictures and captions side by side."""

from __future__ import annotations

import numpy as np
import pytest

from tests.mean_color import SideBySide
from tests.pictures import ALONE, draw, names
from twinlens.collection import Collection
from twinlens.collection.search.reference import reference
from twinlens.core.types import Sample, TwinlensError


@pytest.fixture
def beside(tmp_path, pictures):
    """The captioned shades, and three pictures without a caption."""
    for seed in range(3):
        draw(pictures / f"bare-{seed}.png", seed)
    with Collection.create(tmp_path / "beside", SideBySide(), load=SideBySide.load) as collection:
        collection.add(pictures, options=ALONE)
        yield collection


def z(scores: np.ndarray, known: np.ndarray, there: np.ndarray) -> np.ndarray:
    """Standard deviations above the mean of the entries that are there and of one like the known; 0 for the others."""
    mean, variance, count = scores[there].mean(), scores[there].var(), there.sum()
    if len(known):
        between = count / (count + 1) * (known.mean() - mean) ** 2
        variance = (count * variance + len(known) * known.var() + between) / (count + len(known))
        mean = (count * mean + known.mean()) / (count + 1)
    return np.where(there, (scores - mean) / max(variance**0.5, 0.005), 0)


def by_hand(collection: Collection, pictures, *parts: tuple[Sample, float]) -> dict[str, float]:
    """What every picture's score should be, computed plainly over the whole collection."""
    model, paths = SideBySide(), sorted(pictures.glob("*.png"))
    captions = {path: "" if path.stem.startswith("bare") else path.stem.split("-")[0] for path in paths}
    gallery = model.embed([Sample("x", path, captions[path]) for path in paths])
    captions_known = reference(model)
    total = np.zeros(len(paths))
    for sample, weight in parts:
        (vector,) = model.embed([sample])
        for channel in model.channels:
            if vector[channel.query].any():
                there = gallery[:, channel.missing] == 0
                known = captions_known[captions_known[:, channel.missing] == 0]
                along = (vectors[:, channel.entry] @ vector[channel.query] for vectors in (gallery, known))
                total += weight * z(*along, there)
    total, spread = total - total.mean(), total.std()
    for sample, _ in parts:
        if sample.image is None:
            total += 5 * np.array([captions[path] == sample.text for path in paths])
    return dict(zip((path.stem for path in paths), (total / spread).tolist(), strict=True))


def scores(hits) -> dict[str, float]:
    return {hit.sample.image.stem: hit.score for hit in hits}


def test_scores_are_the_standardised_ones_of_both_sides(beside, pictures):
    query = Sample("q", pictures / "red-0.png", "green")
    wanted = by_hand(beside, pictures, (query, 1.0))
    found = scores(beside.search(query.image, query.text, 15, with_self=True))
    assert found == {name: pytest.approx(score, abs=1e-3) for name, score in wanted.items()}
    assert list(found.values()) == sorted(found.values(), reverse=True)


def test_weights_weigh_standardised_scores(beside, pictures):
    image, text = Sample("i", pictures / "red-0.png"), Sample("t", None, "green")
    wanted = by_hand(beside, pictures, (image, 1.0), (text, 3.0))
    found = scores(beside.search(image.image, text.text, 15, weights=[1, 3], with_self=True))
    assert found == {name: pytest.approx(score, abs=1e-3) for name, score in wanted.items()}
    assert names(beside.search(image.image, "green", 1, weights=[1, 0], with_self=True)) == ["red-0"]
    assert set(names(beside.search(image.image, "green", 4, weights=[0, 1], with_self=True))) == {
        f"green-{n}" for n in range(4)
    }


def test_a_picture_without_a_caption_is_neither_first_nor_last(beside):
    found = scores(beside.search(text="red", k=15))
    bare = [found[f"bare-{n}"] for n in range(3)]
    captioned = {color: [found[f"{color}-{n}"] for n in range(4)] for color in ("red", "green", "blue")}
    assert min(captioned["red"]) > max(bare) and min(bare) > max(captioned["green"] + captioned["blue"])


def test_pictures_are_compared_whatever_captions_say(beside, pictures):
    hits = beside.search(image=pictures / "bare-1.png", k=15, with_self=True)
    assert hits[0].sample.image.stem == "bare-1"
    (asked,) = SideBySide().embed([Sample("q", pictures / "bare-1.png")])
    others = {path.stem: SideBySide().embed([Sample("x", path)])[0] for path in pictures.glob("*.png")}
    cosine = {name: float(vector[:12] @ asked[:12]) for name, vector in others.items()}
    assert names(hits) == sorted(cosine, key=lambda name: -cosine[name])


def test_words_without_any_caption_are_refused_with_a_way_out(tmp_path):
    for seed in range(4):
        draw(tmp_path / "bare" / f"{seed}.png", seed)
    with Collection.create(tmp_path / "c", SideBySide(), load=SideBySide.load) as collection:
        assert collection.search(text="red") == []
        collection.add(tmp_path / "bare", options=ALONE)
        assert len(collection.search(tmp_path / "bare" / "0.png", with_self=True)) == 4
        for query in ({"text": "red"}, {"image": tmp_path / "bare" / "0.png", "text": "red"}):
            with pytest.raises(TwinlensError, match=r"no picture of this collection has a caption.*--recipe clip"):
                collection.search(**query)


def test_staying_away_from_words_and_pictures(beside, pictures):
    (red,) = beside.search(pictures / "red-0.png", k=1, with_self=True)
    found = names(beside.search(pictures / "red-1.png", k=4, without="red", with_self=True))
    assert found[0].split("-")[0] != "red"
    assert "red-0" not in names(beside.search(text="red", k=15, unlike=red.sample.id))


def test_a_few_captions_among_many_pictures_are_found(tmp_path, monkeypatch):
    monkeypatch.setattr("twinlens.collection.search.search.SAMPLE", 8)
    for seed in range(40):
        draw(tmp_path / "many" / f"{seed}.png", seed)
    for n, word in enumerate(["red", *("green", "blue") * 4]):
        (tmp_path / "many" / f"{n}.txt").write_text(word)
    with Collection.create(tmp_path / "c", SideBySide(), load=SideBySide.load) as collection:
        collection.add(tmp_path / "many", options=ALONE)
        assert names(collection.search(text="red", k=1)) == ["0"]
        assert set(names(collection.search(tmp_path / "many" / "30.png", "red", k=2, with_self=True))) == {"30", "0"}


def test_the_same_search_gives_the_same_scores_after_reopening(beside, pictures):
    before = scores(beside.search(pictures / "red-0.png", "blue", 15, with_self=True))
    with Collection.open(beside.folder, load=SideBySide.load) as again:
        assert scores(again.search(pictures / "red-0.png", "blue", 15, with_self=True)) == pytest.approx(
            before, abs=1e-6
        )
