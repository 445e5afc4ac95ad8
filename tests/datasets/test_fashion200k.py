from __future__ import annotations

from pathlib import Path

import pytest

from twinlens.core.types import TwinlensError
from twinlens.datasets import fashion200k

PICTURES = {
    "women/dresses/1/1_0.jpeg": "black lace dress",
    "women/dresses/1/1_1.jpeg": "black lace dress",
    "women/dresses/2/2_0.jpeg": "red lace dress",
    "women/tops/3/3_0.jpeg": "red lace dress",
    "women/tops/4/4_0.jpeg": "striped top",
}


def write(root: Path, split: str, queries: str = "") -> Path:
    (root / "labels").mkdir(exist_ok=True)
    for kind, folder in (("dress", "dresses"), ("top", "tops")):
        lines = [f"{path}\t0.9\t{caption} \n" for path, caption in PICTURES.items() if folder in path]
        (root / "labels" / f"{kind}_{split}_detect_all.txt").write_text("".join(lines))
    (root / "test_queries.txt").write_text(queries)
    return root


def test_a_hit_is_any_picture_with_the_targets_caption(tmp_path):
    data = fashion200k.load(write(tmp_path, "test", "women/dresses/1/1_0.jpeg women/dresses/2/2_0.jpeg\n\n"), "test")
    assert [entry.id for entry in data.gallery] == list(PICTURES)
    assert data.queries[0].text == "replace black with red"
    assert data.queries[0].image == tmp_path / "women/dresses/1/1_0.jpeg"
    assert data.relevant == {"q0": {"women/dresses/2/2_0.jpeg", "women/tops/3/3_0.jpeg"}}
    assert data.ignore == {"q0": {"women/dresses/1/1_0.jpeg"}}
    assert data.groups["q0"] == data.groups["women/dresses/1/1_1.jpeg"] == "women/dresses/1"


@pytest.mark.parametrize(
    ("source", "target", "text"),
    [
        ("blue silk skirt", "blue wool skirt", "replace silk with wool"),
        ("blue skirt", "blue wool skirt", "replace skirt with wool"),
        ("blue wool skirt", "blue skirt", "replace wool with skirt"),
    ],
)
def test_the_instruction_is_tirgs(source, target, text):
    assert fashion200k.replacement(source, target) == text


def test_training_queries_lead_one_word_away_and_follow_the_seed(tmp_path):
    data = fashion200k.load(write(tmp_path, "train"), "train")
    assert [sample.image for sample in data.queries] == [tmp_path / path for path in list(PICTURES)[:4]]
    assert [sample.text for sample in data.queries] == ["replace black with red"] * 2 + ["replace red with black"] * 2
    assert data == fashion200k.load(tmp_path, "train")
    assert not any(data.relevant[query.id] & data.ignore[query.id] for query in data.queries)


def test_captions_one_word_apart_by_another_measure():
    captions = ["a b", "a c", "b a", "a b c", "a", "b", "x y z", "x q z", "x y q"]

    def near(one: str, other: str) -> bool:
        a, b = one.split(), other.split()
        return len(a) == len(b) and sum(x != y for x, y in zip(a, b, strict=True)) == 1

    found = fashion200k._one_word_apart(captions)
    assert {c: sorted(found[c]) for c in captions} == {c: sorted(o for o in captions if near(c, o)) for c in captions}


def test_mistakes_are_named(tmp_path):
    with pytest.raises(TwinlensError, match=r"\*_test_detect_all\.txt are missing; `twinlens data fashion200k`"):
        fashion200k.load(tmp_path, "test")
    with pytest.raises(TwinlensError, match=r"labels lacks 1 .* such as none"):
        fashion200k.load(write(tmp_path, "test", "none women/tops/4/4_0.jpeg"), "test")
    with pytest.raises(TwinlensError, match="every line must be 'source target'"):
        fashion200k.load(write(tmp_path, "test", "one"), "test")
    (tmp_path / "test_queries.txt").unlink()
    with pytest.raises(TwinlensError, match=r"test_queries\.txt is missing"):
        fashion200k.load(tmp_path, "test")
    (tmp_path / "labels" / "top_test_detect_all.txt").write_text("a\t1\tb\na\t1\n")
    with pytest.raises(TwinlensError, match=r"top_test_detect_all\.txt, line 2"):
        fashion200k.load(tmp_path, "test")


def test_expected_files_are_labels_queries_and_the_pictures_they_name(tmp_path):
    names = [path.relative_to(tmp_path).as_posix() for path in fashion200k.expected_files(write(tmp_path, "test"))]
    assert names[:2] == ["labels/dress_train_detect_all.txt", "labels/dress_test_detect_all.txt"]
    assert names[10:] == ["test_queries.txt", *PICTURES]
