"""Commands on pictures that are gone, on folders of others, and on collections that do not open."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from tests import toy
from tests.patience import core_seconds_until
from tests.pictures import answer
from tests.processes import gone, heed_ctrl_c, is_there
from twinlens.collection.store import DATABASE
from twinlens.core import system


def test_forget_removes_from_the_collection_alone(indexed, pictures):
    told = answer(indexed, "forget", pictures / "red.png")
    assert (told["forgotten"], told["pictures"]) == (1, 2)
    assert (pictures / "red.png").exists()
    code, out, _ = indexed("forget", pictures)
    assert code == 0 and "2 pictures forgotten, 0 can be found in" in out and "files are untouched" in out
    assert answer(indexed, "index", pictures)["added"] == 3


def test_forget_by_id(indexed):
    (hit,) = answer(indexed, "search", "--text", "a red tile", "-k", 1)["hits"]
    assert answer(indexed, "forget", hit["id"])["forgotten"] == 1


@pytest.mark.parametrize("what", ["nowhere", "999", ""])
def test_forget_of_what_is_not_there_is_a_mistake(indexed, what):
    code, _, err = indexed("forget", what)
    assert code == 2 and "has no picture" in err and err.count("\n") == 1
    assert answer(indexed, "info")["pictures"] == 3


def test_a_removed_folder_leaves_with_prune(indexed, pictures):
    shutil.move(pictures, pictures.parent / "away")
    code, _, err = indexed("index", pictures)
    assert code == 2 and f"3 pictures from it stay in the collection; they leave with: twinlens index {pictures}" in err
    told = answer(indexed, "index", pictures, "--prune")
    assert (told["removed"], told["pictures"], told["protected"]) == (3, 0, [])


def test_what_stays_is_told_with_the_cure(indexed, pictures):
    away = pictures.parent / "away"
    away.mkdir()
    toy.draw(("red", "green", "blue")).save(away / "a.png")
    (pictures / "link").symlink_to(away)
    assert answer(indexed, "index", pictures)["added"] == 1
    shutil.rmtree(away)
    code, out, _ = indexed("index", pictures)
    assert code == 0 and "1 picture below" in out and "leads nowhere" in out and "--prune" in out
    told = answer(indexed, "index", pictures)
    (protected,) = told["protected"]
    assert protected["place"] == str(pictures / "link") and protected["pictures"] == 1
    assert set(protected) == {"place", "pictures", "reason", "cure"}
    assert answer(indexed, "index", pictures, "--prune")["removed"] == 1


def test_verify_reads_the_pictures_when_asked(indexed, pictures):
    path = pictures / "red.png"
    status, data = path.stat(), bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    (pictures / "blue.png").unlink()
    assert indexed("verify")[0] == 0
    code, out, err = indexed("verify", "--files")
    assert code == 2 and "has other content than when it was indexed" in out and "is gone" in out
    assert "2 pictures are not as they were indexed" in err and "repair" not in err
    code, out, _ = indexed("verify", "--files", "--json")
    told = json.loads(out)
    assert code == 2 and not told["ok"] and told["problems"] == []
    assert told["files"]["changed"] == [str(path)] and told["files"]["gone"] == [str(pictures / "blue.png")]


def test_verify_tells_that_pictures_have_changed_since(indexed, pictures):
    toy.draw(("red", "blue", "blue")).save(pictures / "red.png")
    os.utime(pictures / "red.png", (5, 5))
    code, out, _ = indexed("verify", "--files")
    assert code == 0 and "1 picture has another size or time than when indexed" in out
    assert indexed("index", pictures)[0] == 0
    assert "another size or time" not in indexed("verify", "--files")[1]


@pytest.mark.parametrize("name", ["model", "cache", "writer.pid", "cache/matrix.json"])
def test_verify_names_no_repair_for_what_has_to_be_moved_away(indexed, tmp_path, name):
    path = tmp_path / "twinlens-collection" / name
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    for command in ("verify", "repair"):
        code, out, err = indexed(command)
        assert code == 2 and "move it away" in out + err and "twinlens repair" not in out + err
    assert "has 1 problem; repair cannot mend it: move away what is named above" in indexed("verify")[2]
    (tmp_path / "twinlens-collection" / "writer.lock").write_text("x")
    cure = "has 2 problems; move away what is named above, then mend the rest with: twinlens repair"
    assert cure in indexed("verify")[2]
    path.unlink()
    assert "has 1 problem; mend it with: twinlens repair" in indexed("verify")[2] or name == "model"


def test_a_damaged_model_is_put_back_from_a_copy(indexed, model, tmp_path):
    (path,) = (tmp_path / "twinlens-collection" / "model").glob("*/model.safetensors")
    path.write_bytes(path.read_bytes()[:-1])
    assert "has 1 problem; mend it with: twinlens repair --model DIR" in indexed("verify")[2]
    assert indexed("repair", "--model", model)[0] == 0 and indexed("verify")[0] == 0


@pytest.mark.parametrize("count", [1, 2])
def test_one_is_told_in_the_singular(indexed, pictures, count):
    gone = [pictures / name for name in ("red.png", "blue.png")][:count]
    for path in gone:
        path.unlink()
    nouns = ("1 picture is not as it was", "2 pictures are not as they were")
    assert f"{nouns[count - 1]} indexed" in indexed("verify", "--files")[2]
    assert f"{('1 picture', '2 pictures')[count - 1]} forgotten" in indexed("forget", *gone)[1]


def test_a_folder_of_others_is_no_place_for_a_collection(run, pictures, model, tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "mine").write_text("weights")
    before = sorted(tmp_path.rglob("*"))
    code, _, err = run("index", pictures, "--collection", ".", "--model", model)
    assert code == 2 and "is no collection, and holds model" in err and err.count("\n") == 1
    assert sorted(tmp_path.rglob("*")) == before


def test_a_collection_that_does_not_open_is_repaired(indexed, tmp_path):
    path = tmp_path / "twinlens-collection" / DATABASE
    before = [hit["id"] for hit in answer(indexed, "search", "--text", "red")["hits"]]
    path.write_bytes(b"\0" * 100 + path.read_bytes()[100:])
    for command in (["verify"], ["info"], ["search", "--text", "red"], ["index", "pictures"]):
        code, _, err = indexed(*command)
        assert code == 2 and "twinlens repair" in err and err.count("\n") == 1
    told = answer(indexed, "repair")
    assert told["left"] == [] and "saved 3 entries" in told["done"][0]
    assert [hit["id"] for hit in answer(indexed, "search", "--text", "red")["hits"]] == before


HANGING = """
import os, sys, time
from twinlens.models.runtime.parts import Preparations

def prepare(*_):
    with open(os.environ["STARTED"], "a") as file:
        print(os.getpid(), file=file, flush=True)
    time.sleep(60)

Preparations.prepare = prepare
from twinlens import cli
sys.exit(cli.main(sys.argv[1:]))
"""


@pytest.mark.skipif(system.NAME != "linux", reason="looks for processes as Linux lists them, and forks")
@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_workers_end_with_the_command(pictures, tmp_path, sent):
    started = tmp_path / "started"
    started.touch()
    given = ["index", str(pictures), "--recipe", "compact", "--workers", "2"]
    command, environment = [sys.executable, "-c", HANGING, *given], {**os.environ, "STARTED": str(started)}
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, preexec_fn=heed_ctrl_c, stderr=subprocess.DEVNULL
    ) as process:
        while len(workers := set(map(int, started.read_text().split()))) < 2:
            assert process.poll() is None
            time.sleep(0.05)
        assert all(map(is_there, workers))
        process.send_signal(sent)
        assert gone(workers) < 2
        assert core_seconds_until(lambda: process.poll() is not None) < 5
        if sent == signal.SIGINT:
            assert process.returncode == 130
