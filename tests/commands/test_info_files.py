"""`twinlens info --files`: what a collection has, and what an index of folders would pass over."""

from __future__ import annotations

import json
import os

from tests.media.videos import write_video
from tests.pictures import answer, draw


def test_the_files_of_a_collection(indexed):
    code, out, _ = indexed("info", "--files")
    assert code == 0 and ".png" in out and "latitude" in out
    told = answer(indexed, "info", "--files")
    counts = told["kinds"][".png"]
    assert counts["pictures"] == counts["captioned beside"] and counts["placed"] == 1 and "dated" not in counts
    assert told["fields"] == {"latitude": 1, "longitude": 1, "year": counts["pictures"]}


def test_the_files_of_a_folder_before_it_is_indexed(run, pictures):
    draw(pictures / "@eaDir" / "x.png", 1)
    draw(pictures / "sub" / "x.png", 1).rename(pictures / "sub" / "x.dat")
    (pictures / "y.svg").touch()
    code, out, _ = run("info", "--files", pictures)
    assert code == 0 and "left out 1 in folders of thumbnails" in out and "1 PNG named .dat" in out
    told = answer(run, "info", "--files", pictures)
    assert told["left_out"] == {"in folders of thumbnails": 1}
    assert told["passed"] == {".svg": 1, "PNG named .dat": 1}
    assert told["kinds"][".png"]["captioned beside"] == told["kinds"][".png"]["pictures"]


def test_a_name_that_is_not_utf8_is_counted(run, pictures, model):
    draw(pictures / "z.png", 1).rename(os.fsdecode(os.fsencode(pictures) + b"/c\xff.png"))
    code, *_ = run("index", pictures, "--model", model, "--workers", 0)
    assert code == 0
    told = answer(run, "info", "--files")
    assert told["kinds"][".png"]["pictures"] == len(list(pictures.rglob("*.png")))


def test_videos_and_their_moments_are_counted_and_shown(run, pictures, model):
    write_video(pictures / "clip.mp4", 25)
    code, *_ = run("index", pictures, "--model", model, "--workers", 0)
    assert code == 0
    assert answer(run, "info", "--files")["kinds"][".mp4"] == {"moments": 3, "videos": 1, "dated": 3}
    code, out, _ = run("search", "--text", "a boat", "--where", "moment > 5 and moment < 15")
    assert code == 0 and "at 0:12" in out


def test_takeouts_fields_are_shown_under_their_names(run, tmp_path, model):
    root = tmp_path / "takeout"
    draw(root / "a.png", 1)
    write_video(root / "clip.mp4", 3)
    time, place = {"timestamp": "1556893330"}, {"latitude": 48.5, "longitude": 11.25}
    record = {"photoTakenTime": time, "geoData": place, "geoDataExif": place, "imageViews": "3"}
    (root / "a.png.supplemental-metadata.json").write_text(json.dumps(record))
    before = answer(run, "info", "--files", root)
    assert before["kinds"] == {".png": {"pictures": 1}, ".mp4": {"videos": 1}}
    assert before["fields"] == {"imageViews": 1, "latitude": 1, "longitude": 1, "taken": 1, "taken_from": 1}
    code, out, _ = run("info", "--files", root)
    assert code == 0 and "latitude" in out and "geoData" not in out
    assert run("index", root, "--model", model, "--workers", 0)[0] == 0
    listed = answer(run, "info", "--files")
    known = {"imageViews", "latitude", "longitude", "taken", "taken_from", "moment"}
    assert set(listed["fields"]) - {"place"} == known  # a place needs an extra
    assert listed["fields"]["latitude"] == 1 and listed["kinds"][".mp4"]["moments"] == 1
