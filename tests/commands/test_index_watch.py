"""`twinlens index --watch` in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests import toy
from tests.processes import heed_ctrl_c
from twinlens.collection import Collection

MODEL = ("--recipe", "compact")
"""A model that needs no torch, which takes seconds to import."""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no Ctrl-C to send")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_watched_folder_is_indexed_until_it_is_ended(pictures, tmp_path, number, code):
    incoming = tmp_path / "incoming"
    incoming.mkdir()
    command = ["index", "incoming", "--watch", "--every", "0.1", "--json", "--workers", "0", *MODEL]
    with subprocess.Popen(
        [sys.executable, "-m", "twinlens", *command],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=heed_ctrl_c,
    ) as process:

        def told() -> dict:
            return json.loads(process.stdout.readline())

        assert "there are no pictures in" in process.stderr.readline()  # which is no reason to end
        for name in ("red.png", "blue.png"):
            (pictures / name).rename(incoming / name)
        first = told()
        while first["pictures"] < 2:  # it may have looked between the two
            first = told()
        toy.draw(("green", "green", "green")).save(incoming / "new.png")
        (incoming / "new.txt").write_text("a green tile")
        (incoming / "red.png").rename(incoming / "crimson.png")
        seen = told()
        while not (incoming / "blue.png").exists() or seen["pictures"] < 3:
            seen = told()
        (incoming / "blue.png").unlink()
        gone = told()
        while gone["removed"] == 0:
            gone = told()
        assert gone["pictures"] == 2
        process.send_signal(number)
        assert process.wait(300) == code
        assert process.stderr.read().splitlines()[-1] == "twinlens: stopped; run the same command again to go on"
    with Collection.open(tmp_path / "twinlens-collection") as collection:
        found = {hit.sample.image.name: hit.sample.text for hit in collection.search(text="green")}
        assert set(found) == {"crimson.png", "new.png"} and found["new.png"] == "a green tile"
        assert collection.verify() == []


def test_there_must_be_something_to_watch(run, tmp_path):
    code, _, err = run("index", "nowhere", "--watch")
    assert code == 2 and "nowhere to watch" in err
    for number in ("0", "nan", "inf", "1e10"):
        code, _, err = run("index", ".", "--watch", "--every", number)
        assert code == 2 and "want numbers above 0" in err


ODD = {
    "foreign.csv": b"id;label\n1;cat\n",
    "cp1252.csv": "file_name,text\na.png,Straße\n".encode("cp1252"),
    "comma.jsonl": b'{"file_name": "a.png", "text": "a dog"}\n{"file_name": "a.png", "text": "a cat",}\n',
    "deep.jsonl": b'{"file_name": "a.png", "text": "x", "deep": ' + b"[" * 600 + b"]" * 600 + b"}\n",
    "cell.csv": b"file_name,text\na.png," + b"x" * 200_000 + b"\n",
    "torn.parquet": b"PAR1 and nothing else PAR1",
    "folder.csv": Path.mkdir,
    "pipe.csv": os.mkfifo,
    "dangling.csv": lambda path: path.symlink_to("nowhere"),
}


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pipes in folders")
def test_no_odd_file_of_metadata_ends_watching(tmp_path):
    folder = tmp_path / "incoming"
    folder.mkdir()
    command = ["index", "incoming", "--watch", "--every", "0.1", "--json", "--workers", "0", *MODEL]
    with subprocess.Popen(
        [sys.executable, "-m", "twinlens", *command], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        toy.draw(("red", "green", "red")).save(folder / "a.png")
        os.utime(folder / "a.png", (10_413_792_000, 10_413_792_000))  # the year 2300
        assert json.loads(process.stdout.readline())["added"] == 1
        for number, (name, make) in enumerate(ODD.items()):
            odd = folder / f"metadata{Path(name).suffix}"
            make(odd) if callable(make) else odd.write_bytes(make)
            toy.draw(("red", "green", "blue")).save(folder / f"{number}.png")
            told = json.loads(process.stdout.readline())
            while not told["problems"] or told["pictures"] < number + 2:
                told = json.loads(process.stdout.readline())
            assert len(told["problems"]) == 1 and str(odd) in told["problems"][0], name
            odd.rmdir() if odd.is_dir() else odd.unlink()
        process.terminate()
        assert process.wait(300) == 143
        lines = process.stderr.read().splitlines()
        assert lines[-1].startswith(b"twinlens: stopped") and b"Traceback" not in b"".join(lines)
