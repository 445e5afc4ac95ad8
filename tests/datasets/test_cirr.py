from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from twinlens.core.types import TwinlensError
from twinlens.datasets import cirr
from twinlens.evaluation.judgements import Judgements

REAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "cirr"
needs_real = pytest.mark.skipif(not REAL.is_dir(), reason="CIRR's annotations are not in ../shared/data/cirr")
MEMBERS = [f"dev-{n}" for n in range(6)]


def write(root: Path, split: str, *, targets: bool = True, names=(*MEMBERS, "dev-9")) -> Path:
    row = {"pairid": 7, "reference": "dev-0", "caption": "two dogs", "img_set": {"id": 3, "members": MEMBERS}}
    answer = {"target_hard": "dev-2", "target_soft": {"dev-2": 1.0, "dev-3": -1.0}} if targets else {}
    for folder in ("captions", "image_splits"):
        (root / folder).mkdir(exist_ok=True)
    (root / "captions" / f"cap.rc2.{split}.json").write_text(json.dumps([row | answer]))
    (root / "image_splits" / f"split.rc2.{split}.json").write_text(json.dumps({n: f"./dev/{n}.png" for n in names}))
    return root


def test_a_query_its_answer_and_what_its_ranking_leaves_out(tmp_path):
    data = cirr.load(root := write(tmp_path, "val"), "val")
    assert cirr.load(str(root), "val") == data
    query = data.queries[0]
    assert (query.id, query.text) == ("7", "two dogs")
    assert query.image == tmp_path / "img_raw" / "dev" / "dev-0.png"
    assert [entry.id for entry in data.gallery] == [*MEMBERS, "dev-9"]
    assert data.relevant == {"7": {"dev-2"}}
    assert data.ignore == {"7": {"dev-0"}}


def test_the_subset_is_the_five_other_members(tmp_path):
    data = cirr.load(write(tmp_path, "val"), "val")
    assert data.rejected == {"7": {"dev-1", "dev-3", "dev-4", "dev-5"}}
    assert data.relevant["7"] | data.rejected["7"] == cirr.members(tmp_path, "val")["7"] == set(MEMBERS[1:])


def test_test1_has_members_but_no_answers(tmp_path):
    data = cirr.load(write(tmp_path, "test1", targets=False), "test1")
    assert len(data.queries) == 1
    assert (data.relevant, data.rejected) == ({}, {})
    assert cirr.members(tmp_path, "test1") == {"7": frozenset(MEMBERS[1:])}


def test_mistakes_are_named(tmp_path):
    with pytest.raises(TwinlensError, match="no split 'test'; known: train, val, test1"):
        cirr.load(tmp_path, "test")
    with pytest.raises(TwinlensError, match=r"val\.json is missing; `twinlens data cirr`"):
        cirr.load(tmp_path, "val")
    write(tmp_path, "val", names=MEMBERS[:5])
    with pytest.raises(TwinlensError, match=r"lacks 1 of the pictures .* such as dev-5"):
        cirr.load(tmp_path, "val")


def test_the_other_members_are_foils_of_protocol_f(tmp_path):
    judgements = Judgements.of(cirr.load(write(tmp_path, "val"), "val"))
    assert "grounding_accuracy" in cirr.METRICS
    scores = np.array([[9, 1, 2, 3, 2, 1, 9]], dtype=np.float32)  # above the target: the reference, one member, another
    assert judgements.per_query(scores)["grounding_accuracy"].tolist() == [2.5 / 4]


def test_expected_files_are_annotations_and_the_pictures_they_name(tmp_path):
    names = [path.relative_to(tmp_path).as_posix() for path in cirr.expected_files(write(tmp_path, "val"))]
    assert names[:2] == ["captions/cap.rc2.train.json", "image_splits/split.rc2.train.json"]
    assert names[6:] == [f"img_raw/dev/{name}.png" for name in (*MEMBERS, "dev-9")]


@needs_real
def test_real_validation_counts():
    data = cirr.load(REAL, "val")
    assert (len(data.queries), len(data.gallery)) == (4181, 2297)
    assert {len(found) for found in data.relevant.values()} == {1}
    assert {len(found) for found in data.rejected.values()} == {4}
    assert len(set(data.groups.values())) == 503
    gallery = {entry.id for entry in data.gallery}
    assert all(data.relevant[q.id] | data.rejected[q.id] | data.ignore[q.id] <= gallery for q in data.queries)
