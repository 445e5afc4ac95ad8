from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from twinlens.core.types import TwinlensError
from twinlens.datasets import css


def scene(color: str) -> list[dict]:
    return [{"shape": "cube", "color": color, "size": "large", "pos": np.array([0.5, 0.5])}]


def write(root: Path, content: object) -> Path:
    box = np.empty((), dtype=object)
    box[()] = content
    np.save(root / "css_toy_dataset_novel2_small.dup.npy", box, allow_pickle=True)
    return root


def split(**more: object) -> dict:
    mods = [
        {"from": [0, 1], "to": [np.int64(2), 3], "to_str": "add red cube to middle-center"},
        {"from": [3], "to": [0], "to_str": "make top-left cube small"},
    ]
    return {"mods": mods, "objects_img": [scene(c) for c in ("red", "gray", "blue", "cyan")]} | more


def test_every_pair_of_every_instruction_is_a_query(tmp_path):
    data = css.load(write(tmp_path, {"test": split()}), "test")
    assert [entry.id for entry in data.gallery] == [f"css_test_{n:06d}" for n in range(4)]
    assert data.gallery[3].image == tmp_path / "images" / "css_test_000003.png"
    assert [query.text for query in data.queries] == ["add red cube to middle-center"] * 2 + [
        "make top-left cube small"
    ]
    assert data.queries[2].image == data.gallery[3].image
    assert data.relevant == {"q0": {"css_test_000002"}, "q1": {"css_test_000003"}, "q2": {"css_test_000000"}}
    assert data.ignore == {"q0": {"css_test_000000"}, "q1": {"css_test_000001"}, "q2": {"css_test_000003"}}


def test_pictures_of_one_label_answer_alike(tmp_path):
    data = css.load(write(tmp_path, {"train": split(labels=np.array([5, 6, 7, 7]))}), "train")
    assert data.relevant["q0"] == data.relevant["q1"] == {"css_train_000002", "css_train_000003"}
    assert data.groups["css_train_000002"] == data.groups["q2"] == "scene 7"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"train": split()}, "of the split 'test'"),
        ([1], "of the split 'test'"),
        ({"test": {"mods": []}}, "must hold 'mods' and 'objects_img'"),
        ({"test": split(mods=[{"from": [0], "to": [1, 2], "to_str": "x"}])}, "every 'mods' entry"),
        ({"test": split(mods=[{"from": [0]}])}, "every 'mods' entry"),
        ({"test": split(mods=[{"from": [0], "to": [9], "to_str": "x"}])}, "names a picture that it does not count"),
        ({"test": split(labels=[1])}, "1 label for 4 pictures"),
    ],
)
def test_damaged_content_is_named(tmp_path, content, message):
    with pytest.raises(TwinlensError, match=message):
        css.load(write(tmp_path, content), "test")


def test_a_file_with_code_in_it_is_refused(tmp_path):
    with pytest.raises(TwinlensError, match="names pathlib"):
        css.load(write(tmp_path, {"test": split(root=Path("a"))}), "test")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(TwinlensError, match=r"dup\.npy is missing; `twinlens data css`"):
        css.load(tmp_path, "test")


def test_expected_files_are_the_annotations_and_the_pictures_they_count(tmp_path):
    assert len(list(css.expected_files(tmp_path))) == 1
    names = [path.name for path in css.expected_files(write(tmp_path, {"test": split(), "train": split()}))]
    assert len(names) == 9 and names[1] == "css_train_000000.png" and names[-1] == "css_test_000003.png"
