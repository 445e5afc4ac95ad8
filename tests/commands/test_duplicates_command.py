"""`twinlens duplicates`: whole groups, as a table and as JSON."""

from __future__ import annotations

import shutil

from tests.pictures import answer


def test_groups_are_listed_with_path_size_and_date(indexed, pictures):
    code, out, _ = indexed("duplicates", "--at", "0.99999")
    assert code == 0 and "no two of 3 pictures look the same" in out
    (pictures / "dates").mkdir()
    shutil.copy(pictures / "blue.png", pictures / "dates" / "IMG_20190503_123015.png")
    assert indexed("index", pictures)[0] == 0
    told = answer(indexed, "duplicates", "--at", "0.99999")
    (group,) = told["groups"]
    assert {entry["path"] for entry in group} == {
        str(pictures / "blue.png"),
        str(pictures / "dates" / "IMG_20190503_123015.png"),
    }
    assert all(entry["size"] == (pictures / "blue.png").stat().st_size and entry["width"] == 30 for entry in group)
    assert any(entry["date"].startswith("2019-05-03") for entry in group) and told["pictures"] == 4
    code, out, _ = indexed("duplicates", "--at", "0.99999")
    assert code == 0 and "30×10" in out and "1 group with 2 of 4 pictures" in out


def test_a_wrong_cosine_is_one_line(indexed):
    code, _, err = indexed("duplicates", "--at", "1.5")
    assert code == 2 and "wants a cosine" in err and err.count("\n") == 1
