"""Searches by fusions whose score is no inner product: every picture has the score that the fusion itself gives."""

from __future__ import annotations

import pytest
import torch

from tests import checkpoints
from tests.pictures import ALONE, draw
from twinlens.collection import Collection
from twinlens.core.recipe import Recipe
from twinlens.core.types import Sample, TwinlensError
from twinlens.models import runtime
from twinlens.models.composer import Composer

TEXT = "a yellow circle"


@pytest.fixture(scope="module", params=["product", "basic"])
def composer(request, tmp_path_factory):
    """A tiny CLIP below a training-free fusion, which has seen some pictures and texts where it learns from them."""
    folder = checkpoints.contrastive(tmp_path_factory.mktemp("clip") / "clip")
    towers = [{"name": name, "checkpoint": folder} for name in ("clip_image", "clip_text")]
    composer = Composer.build(
        Recipe.model_validate({"name": "x", "encoders": towers, "fusion": {"name": request.param}})
    )
    if request.param == "basic":
        generator = torch.Generator().manual_seed(0)
        composer.fusion.fit(*(torch.randn(30, 20, generator=generator) for _ in range(2)))
    return composer.eval()


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path.resolve() / "pictures"
    for seed in range(40):
        draw(folder / f"{seed:02}.png", seed)
    lines = [f"{seed:02}.png,{TEXT if seed % 3 == 0 else ''},{seed}" for seed in range(40)]
    (folder / "metadata.csv").write_text("\n".join(["file_name,text,number", *lines]))
    return folder


@pytest.fixture
def collection(tmp_path, pictures, composer):
    with Collection.create(tmp_path / "c", composer) as collection:
        collection.add(pictures, options=ALONE)
        yield collection


def by_hand(composer, pictures, query: Sample) -> dict[str, float]:
    """The fusion's own scores of all pictures, best first."""
    paths = sorted(pictures.glob("*.png"))
    gallery = [Sample(path.stem, path, TEXT if int(path.stem) % 3 == 0 else "") for path in paths]
    with torch.inference_mode():
        vectors = torch.from_numpy(composer.embed([query, *gallery]))
        scores = composer.fusion.similarity(vectors[:1], vectors[1:])[0].tolist()
    ranked = sorted(zip((path.stem for path in paths), scores, strict=True), key=lambda pair: -pair[1])
    return dict(ranked)


def scores(hits) -> dict[str, float]:
    return {hit.sample.image.stem: hit.score for hit in hits}


@pytest.mark.parametrize("kind", ["both", "picture", "text"])
def test_a_collection_ranks_by_the_fusions_own_score(collection, composer, pictures, kind):
    query = Sample("q", None if kind == "text" else pictures / "05.png", "" if kind == "picture" else "the black block")
    wanted = by_hand(composer, pictures, query)
    found = scores(collection.search(query.image, query.text, 40, with_self=True))
    assert found == {name: pytest.approx(score, abs=1e-5) for name, score in wanted.items()}
    assert list(found.values()) == sorted(found.values(), reverse=True)
    assert list(found)[:5] == list(wanted)[:5]


def test_it_is_not_the_ranking_of_the_mean_of_cosines(collection, composer, pictures):
    query = Sample("q", pictures / "05.png", "the black block")
    (asked,) = composer.embed([query])
    gallery = composer.embed([Sample(str(n), pictures / f"{n:02}.png", TEXT if n % 3 == 0 else "") for n in range(40)])
    by_mean = [f"{n:02}" for n in (-(gallery @ asked)).argsort()]
    assert list(scores(collection.search(query.image, query.text, 40, with_self=True))) != by_mean


def test_conditions_come_before_ranking_and_several_parts_are_weighed(collection, composer, pictures):
    wanted = [name for name in by_hand(composer, pictures, Sample("q", pictures / "05.png", TEXT)) if int(name) < 9]
    assert list(scores(collection.search(pictures / "05.png", TEXT, 40, where="number < 9", with_self=True))) == wanted
    parts = (pictures / "05.png", pictures / "06.png")
    lone = by_hand(composer, pictures, Sample("q", parts[0]))
    assert list(scores(collection.search(parts, k=5, weights=[1, 0], with_self=True))) == list(lone)[:5]
    assert list(scores(collection.search(parts[0], k=5, without="block", with_self=True))) != list(lone)[:5]
    with pytest.raises(TwinlensError, match="cancel each other out"):
        collection.search(text="block", without="block")


def test_pictures_that_came_late_and_a_model_that_was_measured_change_nothing(collection, composer, pictures):
    draw(pictures / "40.png", 40)
    collection.add(pictures, options=ALONE)
    before = scores(collection.search(pictures / "05.png", TEXT, 41, with_self=True))
    assert len(before) == 41
    runtime.accelerated(composer).tune()
    with Collection.open(collection.folder) as again:
        assert scores(again.search(pictures / "05.png", TEXT, 41, with_self=True)) == pytest.approx(before, abs=1e-4)
