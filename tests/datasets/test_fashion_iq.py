from __future__ import annotations

import json
from pathlib import Path

import pytest

from twinlens.core.types import TwinlensError
from twinlens.datasets import fashion_iq

REAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "fashion-iq"
needs_real = pytest.mark.skipif(
    not REAL.is_dir(), reason="FashionIQ's annotations are not in ../shared/data/fashion-iq"
)


def write(root: Path, category: str, split: str, rows: list[dict], names: list[str]) -> None:
    for folder in ("captions", "image_splits"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / "captions" / f"cap.{category}.{split}.json").write_text(json.dumps(rows))
    (root / "image_splits" / f"split.{category}.{split}.json").write_text(json.dumps(names))


def row(candidate: str, target: str | None = None) -> dict:
    captions = {"captions": [" is red.", "has a bow "]}
    return {"candidate": candidate, **captions} | ({} if target is None else {"target": target})


@pytest.fixture
def root(tmp_path) -> Path:
    write(tmp_path, "dress", "val", [row("A", "B"), row("B", "C")], list("ABCD"))
    write(tmp_path, "shirt", "val", [row("S", "T")], list("STU"))
    write(tmp_path, "toptee", "val", [row("U", "V")], list("UV"))
    write(tmp_path, "dress", "test", [row("X")], ["X", "Y"])
    return tmp_path


def ids(samples) -> list[str]:
    return [sample.id for sample in samples]


def test_a_category_is_a_gallery_of_its_own(root):
    dress = fashion_iq.load(root, "val", category="dress")
    assert ids(dress.gallery) == ["dress/A", "dress/B", "dress/C", "dress/D"]
    assert ids(dress.queries) == ["dress/q0", "dress/q1"]
    assert dress.queries[0].text == "is red and has a bow"
    assert dress.queries[0].image == root / "images" / "A.jpg"
    assert dress.relevant == {"dress/q0": {"dress/B"}, "dress/q1": {"dress/C"}}
    assert not dress.ignore, "the query's own picture stays in the gallery"


def test_the_reduced_gallery_holds_candidates_and_targets(root):
    assert ids(fashion_iq.load(root, "val", category="dress", gallery="reduced").gallery) == [
        "dress/A",
        "dress/B",
        "dress/C",
    ]


def test_pictures_that_are_paired_are_one_group(root):
    groups = fashion_iq.load(root, "val", category="dress").groups
    assert len({groups[key] for key in ("dress/q0", "dress/q1", "dress/A", "dress/B", "dress/C")}) == 1
    assert groups["dress/D"] != groups["dress/A"]


def test_side_by_side_a_query_ranks_its_own_category_alone(root):
    parts, whole = fashion_iq.parts(root, "val"), fashion_iq.load(root, "val")
    everything = set(ids(whole.gallery))
    assert len(whole.queries) == 4
    for part in parts.values():
        for query in part.queries:
            assert everything - whole.ignore[query.id] == set(ids(part.gallery))
            assert whole.relevant[query.id] == part.relevant[query.id]


def test_a_picture_of_two_categories_joins_their_groups(root):
    groups = fashion_iq.load(root, "val").groups
    assert groups["shirt/U"] == groups["toptee/U"] == groups["toptee/q0"]
    assert len({groups["dress/q0"], groups["shirt/q0"], groups["toptee/q0"]}) == 3


def test_the_test_split_has_no_answers(root):
    test = fashion_iq.load(root, "test", category="dress")
    assert test.relevant == {}
    with pytest.raises(TwinlensError, match="no reduced gallery"):
        fashion_iq.load(root, "test", category="dress", gallery="reduced")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"split": "dev"}, "no split 'dev'; known: train, val, test"),
        ({"category": "hat"}, "no category 'hat'"),
        ({"gallery": "tiny"}, "no gallery 'tiny'"),
        ({"protocol": "paper"}, "no protocol 'paper'"),
        ({"split": "train"}, r"cap\.dress\.train\.json is missing; `twinlens data fashion_iq` tells how to get it"),
    ],
)
def test_mistakes_are_named(root, options, message):
    with pytest.raises(TwinlensError, match=message):
        fashion_iq.load(root, **{"split": "val", "category": "dress"} | options)


def test_a_missing_root_is_named(tmp_path):
    with pytest.raises(TwinlensError, match="needs the folder"):
        fashion_iq.load(None, "val")
    with pytest.raises(TwinlensError, match="no such folder"):
        fashion_iq.load(tmp_path / "none", "val")


def test_damaged_annotations_are_named(root):
    file = root / "captions" / "cap.dress.val.json"
    write(root, "dress", "val", [row("A", "B")], ["A"])
    with pytest.raises(TwinlensError, match=r"split\.dress\.val\.json lacks 1 of the pictures .* such as B"):
        fashion_iq.load(root, "val", category="dress")
    file.write_text('[{"candidate": "A"}]')
    with pytest.raises(TwinlensError, match="entry 0 must be an object with candidate, captions"):
        fashion_iq.load(root, "val", category="dress")
    file.write_text("{}")
    with pytest.raises(TwinlensError, match="must be a JSON list"):
        fashion_iq.load(root, "val", category="dress")
    file.write_bytes(b"[")
    with pytest.raises(TwinlensError, match="not valid JSON"):
        fashion_iq.load(root, "val", category="dress")
    file.write_bytes(b"\xff")
    with pytest.raises(TwinlensError, match="cannot read"):
        fashion_iq.load(root, "val", category="dress")


def test_expected_files_are_annotations_and_the_pictures_they_name(root):
    names = [path.relative_to(root).as_posix() for path in fashion_iq.expected_files(root)]
    assert "captions/cap.toptee.train.json" in names
    assert {name for name in names if name.startswith("images/")} == {f"images/{x}.jpg" for x in "ABCDSTUVXY"}
    assert len(names) == len(set(names)) == 18 + 10


@needs_real
@pytest.mark.parametrize(
    ("category", "queries", "original", "reduced"),
    [("dress", 2017, 3817, 2628), ("shirt", 2038, 6346, 3089), ("toptee", 1961, 5373, 2902)],
)
def test_real_validation_counts(category, queries, original, reduced):
    whole = fashion_iq.load(REAL, "val", category=category)
    small = fashion_iq.load(REAL, "val", category=category, gallery="reduced")
    assert (len(whole.queries), len(whole.gallery), len(small.gallery)) == (queries, original, reduced)
    assert len(whole.relevant) == queries
    assert set().union(*whole.relevant.values()) <= set(ids(small.gallery))


@needs_real
def test_real_test_split_and_all_categories():
    test = fashion_iq.load(REAL, "test")
    assert (len(test.queries), len(test.gallery), len(test.relevant)) == (2024 + 2038 + 2056, 3818 + 6346 + 5374, 0)
    assert len({sample.id for sample in (*test.queries, *test.gallery)}) == len(test.queries) + len(test.gallery)
