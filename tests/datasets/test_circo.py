from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from twinlens.core.types import TwinlensError
from twinlens.datasets import circo

REAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "circo"
needs_real = pytest.mark.skipif(not REAL.is_dir(), reason="CIRCO's annotations are not in ../shared/data/circo")
ROWS = [
    {
        "id": 0,
        "reference_img_id": 271520,
        "target_img_id": 5,
        "relative_caption": "shows two people",
        "shared_concept": "an umbrella",
        "gt_img_ids": [5, 528417],
    }
]


def write(root: Path, split: str, rows: list[dict]) -> Path:
    (root / "annotations").mkdir(exist_ok=True)
    (root / "annotations" / f"{split}.json").write_text(json.dumps(rows))
    return root


def write_info(root: Path, numbers) -> None:
    folder = root / "COCO2017_unlabeled" / "annotations"
    folder.mkdir(parents=True)
    images = [{"file_name": f"{number:012d}.jpg", "id": number} for number in numbers]
    (folder / "image_info_unlabeled2017.json").write_text(json.dumps({"images": images}))


def write_pictures(root: Path, numbers) -> None:
    folder = root / "COCO2017_unlabeled" / "unlabeled2017"
    folder.mkdir(parents=True)
    for number in numbers:
        (folder / f"{number:012d}.jpg").touch()


@pytest.mark.parametrize("give", [write_info, write_pictures], ids=["image info", "folder"])
def test_the_gallery_is_coco_by_its_list_or_by_its_folder(tmp_path, give):
    give(write(tmp_path, "val", ROWS), [528417, 5, 271520, 8])
    data = circo.load(tmp_path, "val")
    assert [entry.id for entry in data.gallery] == ["000000000005", "000000000008", "000000271520", "000000528417"]
    assert data.relevant == {"0": {"000000000005", "000000528417"}}
    assert not data.ignore, "the query's own picture stays in the gallery"
    assert (data.queries[0].id, data.queries[0].text) == ("0", "shows two people")
    assert data.queries[0].image == data.gallery[2].image


def test_the_test_split_has_no_answers(tmp_path):
    write_info(write(tmp_path, "test", [{k: v for k, v in ROWS[0].items() if "gt" not in k}]), [271520])
    assert circo.load(tmp_path, "test").relevant == {}


def test_mistakes_are_named(tmp_path):
    with pytest.raises(TwinlensError, match=r"val\.json is missing; `twinlens data circo`"):
        circo.load(tmp_path, "val")
    write(tmp_path, "val", ROWS)
    with pytest.raises(TwinlensError, match="the gallery is unknown"):
        circo.load(tmp_path, "val")
    write_pictures(tmp_path, [5, 271520])
    with pytest.raises(TwinlensError, match=r"COCO2017_unlabeled lacks 1 .* such as 000000528417"):
        circo.load(tmp_path, "val")
    write_info(tmp_path, [])
    (tmp_path / "COCO2017_unlabeled" / "annotations" / "image_info_unlabeled2017.json").write_text("[]")
    with pytest.raises(TwinlensError, match="must hold 'images'"):
        circo.load(tmp_path, "val")


def test_expected_pictures_are_those_of_the_list_or_else_those_the_annotations_name(tmp_path):
    pictures = tmp_path / "COCO2017_unlabeled" / "unlabeled2017"
    write(tmp_path, "val", ROWS)
    assert list(circo.expected_files(tmp_path))[3:] == [
        pictures / f"{number:012d}.jpg" for number in (5, 271520, 528417)
    ]
    write_info(tmp_path, [8])
    assert list(circo.expected_files(tmp_path))[3:] == [pictures / "000000000008.jpg"]


@needs_real
def test_real_counts(tmp_path):
    shutil.copytree(REAL / "annotations", tmp_path / "annotations")
    rows = [row for split in circo.SPLITS for row in json.loads((REAL / "annotations" / f"{split}.json").read_text())]
    write_info(tmp_path, {n for row in rows for n in (row["reference_img_id"], *row.get("gt_img_ids", ()))})
    val, test = circo.load(tmp_path, "val"), circo.load(tmp_path, "test")
    assert (len(val.queries), len(test.queries)) == (220, 800)
    assert len(val.relevant) == 220 and all(val.relevant.values())
    assert test.relevant == {}
    assert len(list(circo.expected_files(tmp_path))) == 3 + len(val.gallery)
