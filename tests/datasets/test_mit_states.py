from __future__ import annotations

from pathlib import Path

import pytest

from twinlens.core.types import TwinlensError
from twinlens.datasets import mit_states


@pytest.fixture
def root(tmp_path) -> Path:
    files = ("ripe tomato/1.jpg", "ripe tomato/2.jpg", "sliced tomato/3.jpg", "old tomato/4.jpg", "big sky/5.jpg")
    for name in (*files, "wet dog/6.jpg", "dry dog/7.jpg", "adj tomato/8.jpg", "readme/9.jpg", "ripe tomato/notes.txt"):
        path = tmp_path / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "images" / "empty tomato").mkdir()
    return tmp_path


def test_every_picture_is_asked_for_in_every_other_state_of_its_noun(root):
    data = mit_states.load(root, "test")
    assert len(data.queries) == 2 * 2 + 2 + 2
    query = next(q for q in data.queries if q.id == "ripe tomato/1.jpg > sliced")
    assert (query.text, query.image) == ("sliced", root / "images" / "ripe tomato" / "1.jpg")
    assert data.relevant[query.id] == {"sliced tomato/3.jpg"}
    assert data.ignore[query.id] == {"ripe tomato/1.jpg"}
    assert data.groups[query.id] == data.groups["sliced tomato/3.jpg"] == "tomato"
    assert data.relevant["old tomato/4.jpg > ripe"] == {"ripe tomato/1.jpg", "ripe tomato/2.jpg"}


def test_splits_share_no_noun(root):
    test, train = ({e.id for e in mit_states.load(root, split).gallery} for split in ("test", "train"))
    assert {key.split("/")[0].split()[1] for key in test} == {"tomato", "sky"}
    assert train == {"wet dog/6.jpg", "dry dog/7.jpg"}
    assert len(mit_states.TEST_NOUNS) == 49


def test_folders_of_no_state_are_skipped(root):
    gallery = {entry.id for entry in mit_states.load(root, "test").gallery}
    assert "adj tomato/8.jpg" not in gallery
    assert len(gallery) == 5


def test_mistakes_are_named(tmp_path):
    with pytest.raises(TwinlensError, match="images is missing; `twinlens data mit_states`"):
        mit_states.load(tmp_path, "test")
    (tmp_path / "images").mkdir()
    with pytest.raises(TwinlensError, match="no pictures of the train split"):
        mit_states.load(tmp_path, "train")
    with pytest.raises(TwinlensError, match="no split 'val'"):
        mit_states.load(tmp_path, "val")


def test_expected_is_a_state_of_every_test_noun(root, tmp_path):
    lacking = [path.name for path in mit_states.expected_files(root) if not path.exists()]
    assert len(lacking) == 47
    assert "<adjective> armor" in lacking and "<adjective> tomato" not in lacking
    assert len([p for p in mit_states.expected_files(tmp_path / "none") if not p.exists()]) == 50
