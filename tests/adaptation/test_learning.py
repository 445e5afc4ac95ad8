"""What was learned serves where it surely wins, and nowhere else."""

from __future__ import annotations

import csv
import shutil

import numpy as np
import pytest

from tests.adaptation.conftest import drawn_edits, table
from tests.pictures import ALONE
from twinlens.adaptation import Plan, learn, measure, revert
from twinlens.adaptation.bounds import level_of
from twinlens.adaptation.record import Record
from twinlens.collection import Collection
from twinlens.core.types import Sample, TwinlensError


def scores(hits) -> dict[str, float]:
    return {hit.sample.id: hit.score for hit in hits}


@pytest.fixture(scope="module")
def learned(edited, tmp_path_factory):
    """The folder of a collection that has learned from all triplets, what it found, and the epochs."""
    folder = tmp_path_factory.mktemp("learned") / "c"
    shutil.copytree(edited.collection, folder)
    with Collection.open(folder) as collection:
        return folder, *learn(collection, Plan(triplets=table(edited.folder / "t.csv", edited.edits)))


@pytest.fixture
def adopted(learned, tmp_path):
    """A copy of that collection, open."""
    shutil.copytree(learned[0], tmp_path / "adopted")
    with Collection.open(tmp_path / "adopted") as collection:
        yield collection


def test_on_triplets_the_trained_fusion_wins_and_serves(own, learned, adopted, edited, tmp_path):
    plan = Plan(triplets=table(tmp_path / "t.csv", [(f"p/{a}", t, f"p/{b}") for a, t, b in edited.edits]))
    shutil.copytree(edited.folder, tmp_path / "p")
    with pytest.raises(TwinlensError, match="row 1: the collection has no picture 'p/"):
        learn(own, plan)  # the table's own folder has other pictures than those that were indexed
    plan = Plan(triplets=table(edited.folder / "t.csv", edited.edits))
    alone = own.search(image=edited.folder / edited.edits[0][0], k=50)
    was, count = own.generation, len(own)

    _, result, epochs = learned
    own = adopted
    rows = {name: found["map"]["mean"] for name, found in result["rows"].items()}
    assert result["adopted"] and result["wins"]
    assert set(result["differences"]) == {"calibrated_sum", "image_only", "text_only"}
    assert all(found["ci95"][0] > 0 < found["at_least"] for found in result["differences"].values())
    assert rows["composed"] > 0.8 > 0.65 > max(rows["calibrated_sum"], rows["image_only"]) > rows["shuffled_text"] - 0.1
    assert len(epochs) == len(result["epochs"]) and result["parts"]["test"]["queries"] >= 30

    assert own.generation != was and len(own) == count and own.verify() == []
    right = []
    for reference, text, target in edited.edits[:80]:
        hits = own.search(edited.folder / reference, text, k=4)
        right.append(edited.folder / target in [hit.sample.image for hit in hits])
    assert np.mean(right) > 0.8
    assert scores(own.search(image=edited.folder / edited.edits[0][0], k=50)) == pytest.approx(scores(alone), abs=1e-3)

    again = measure(own, Plan(triplets=plan.triplets))
    assert again["serving"] == "combiner" and again["measured"]["pictures"] == result["parts"]["test"]["pictures"]
    assert {n: r["map"]["mean"] for n, r in again["rows"].items()} == pytest.approx(rows, abs=1e-6)
    second, _ = learn(own, Plan(triplets=plan.triplets, epochs=1))
    assert second["parts"]["test"] == result["parts"]["test"] and "current" in second["differences"]
    assert not second["adopted"] and second["attempt"]["number"] == 2
    other, _ = learn(own, Plan(triplets=plan.triplets, epochs=1, group_by="picture"))
    assert (
        other["parts"]["test"]["pictures"] == result["parts"]["test"]["pictures"]
    )  # what the serving one has not seen
    assert other["attempt"]["number"] == 2 and other["attempt"]["is_repeat"]

    assert revert(own) and own.generation.digest == was.digest and not revert(own)
    assert scores(own.search(image=edited.folder / edited.edits[0][0], k=50)) == pytest.approx(scores(alone), abs=1e-3)
    assert own.verify() == []


def test_with_shuffled_words_it_is_refused(own, edited, tmp_path):
    was = own.generation
    result, _ = learn(own, Plan(triplets=table(edited.folder / "s.csv", edited.shuffled())))
    assert not result["adopted"] and own.generation == was
    assert any(found["ci95"][0] <= 0 >= found["at_least"] for found in result["differences"].values())


def test_new_pictures_are_embedded_as_the_exchanged_ones_were(learned, adopted, tmp_path):
    assert learned[1]["adopted"]
    entries, vectors = adopted.entries_with_vectors()
    embedded = adopted.model.embed([Sample("", entry.path, entry.caption) for entry in entries[:40]])
    np.testing.assert_allclose(embedded, vectors[:40], atol=1e-5)
    (tmp_path / "new").mkdir()
    ((reference, text, target),) = drawn_edits(tmp_path / "new", 1, 1, seed=1)
    adopted.add(tmp_path / "new", options=ALONE)
    hits = adopted.search(tmp_path / "new" / reference, text, k=3)
    assert target in [hit.sample.image.name for hit in hits]


def test_captions_teach_words_that_the_encoders_do_not_know(captioned, tmp_path):
    shutil.copytree(captioned.collection, tmp_path / "c")
    with Collection.open(tmp_path / "c") as collection:
        result, _ = learn(collection, Plan())
        assert result["adopted"] and result["source"] == "captions"
        image = captioned.folder / "000.png"
        hits = collection.search(image, captioned.captions["001.png"], k=3)
        assert captioned.folder / "001.png" in [hit.sample.image for hit in hits]


def test_shuffled_captions_are_refused(captioned, tmp_path):
    shutil.copytree(captioned.folder, tmp_path / "p")
    names, texts = zip(*captioned.captions.items(), strict=True)
    others = np.random.default_rng(1).permutation(texts).tolist()
    table(tmp_path / "p" / "metadata.csv", list(zip(names, others, strict=True)), ("file_name", "text"))
    with Collection.open(captioned.collection) as original:
        model = original.model.composer
    with Collection.create(tmp_path / "c", model) as collection:
        collection.add(tmp_path / "p", options=ALONE)
        was = collection.generation
        result, _ = learn(collection, Plan())
        assert not result["adopted"] and collection.generation == was


def test_the_same_seed_gives_the_same_figures_and_groups_come_from_a_column(captioned, tmp_path):
    shutil.copytree(captioned.collection, tmp_path / "c")
    with Collection.open(tmp_path / "c") as collection:
        plan = Plan(group_by="album", epochs=1, seed=3)
        (one, _), (other, _) = learn(collection, plan), learn(collection, plan)
    assert not one["adopted"] and one["group_by"] == "album" and one["parts"]["test"]["groups"] == 100
    for key in ("rows", "differences", "parts"):
        assert one[key] == other[key]
    assert one["attempt"]["number"] == other["attempt"]["number"] == 1
    assert not one["attempt"]["is_repeat"] and other["attempt"]["is_repeat"]


def test_every_seed_is_an_attempt_on_the_same_held_out_part(captioned, tmp_path):
    shutil.copytree(captioned.collection, tmp_path / "c")
    with Collection.open(tmp_path / "c") as collection:
        results = [learn(collection, Plan(epochs=1, seed=seed))[0] for seed in (0, 1, 2)]
        (part,) = Record.read(collection.folder).parts.values()
    for number, result in enumerate(results, 1):
        attempt = result["attempt"]
        assert attempt["number"] == number and attempt["level"] == level_of(number) and not attempt["is_repeat"]
        assert result["parts"]["test"]["pictures"] == len(part.held)
        assert result["rows"]["image_only"] == results[0]["rows"]["image_only"]  # the very same queries
        assert all(found["at_least"] < found["by_group"] for found in result["differences"].values())
    assert results[0]["rows"]["composed"] != results[1]["rows"]["composed"]


def test_too_few_groups_are_refused_before_anything_is_trained_or_charged(captioned, tmp_path):
    shutil.copytree(captioned.collection, tmp_path / "c")
    with Collection.open(tmp_path / "c") as collection:
        with pytest.raises(TwinlensError, match=r"belong to \d+ independent groups?, and at least 20 are needed"):
            learn(collection, Plan(group_by="shelf"))
        assert Record.read(collection.folder) == Record()
        assert measure(collection, Plan(group_by="shelf"))["wins"] is False


def test_what_cannot_be_learned_is_told(own, captioned, edited, tmp_path):
    triplets = table(edited.folder / "t.csv", edited.edits)
    for plan, reason in (
        (Plan(), "no picture of the collection has a caption"),
        (Plan(source="triplets"), "needs a table of triplets"),
        (Plan(source="both", triplets=triplets), "no picture of the collection has a caption"),
        (Plan(source="nonsense", triplets=triplets), "unknown source 'nonsense'"),
        (Plan(triplets=triplets, fusion="product"), "product"),
        (Plan(triplets=triplets, fusion="gat"), "did you mean 'gate'"),
        (Plan(triplets=triplets, group_by="year"), "unknown column 'year'"),
        (Plan(triplets=table(tmp_path / "few.csv", edited.edits[:40])), "the collection has no picture"),
        (Plan(triplets=table(edited.folder / "few.csv", edited.edits[:40])), "at least 30 are needed"),
    ):
        with pytest.raises(TwinlensError, match=reason):
            learn(own, plan)


def test_a_table_may_name_pictures_by_id(own, edited, tmp_path):
    ids = {entry.path.name: str(entry.row) for entry in own.entries_with_vectors()[0]}
    rows = [(ids[a], text, ids[b]) for a, text, b in edited.edits]
    by_id = measure(own, Plan(triplets=table(tmp_path / "ids.csv", rows)))
    by_name = measure(own, Plan(triplets=table(edited.folder / "t.csv", edited.edits)))
    assert by_id == by_name and by_id["serving"] == "calibrated" and by_id["learned"] is None
    assert set(by_id["differences"]) == {"image_only", "text_only"} and by_id["measured"]["pictures"] == len(own)
    with (tmp_path / "ids.csv").open(encoding="utf-8") as file:
        assert next(csv.reader(file)) == ["reference", "text", "target"]
