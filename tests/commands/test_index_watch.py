"""`twinlens index --watch` in a process of its own."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import pytest

from tests import toy
from twinlens.collection import Collection


def _heed_ctrl_c() -> None:
    """Jobs in the background of a shell ignore Ctrl-C, and so would what they start."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no Ctrl-C to send")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_watched_folder_is_indexed_until_it_is_ended(pictures, model, tmp_path, number, code):
    incoming = tmp_path / "incoming"
    incoming.mkdir()
    command = ["index", "incoming", "--watch", "--every", "0.1", "--json", "--workers", "0", "--model", str(model)]
    with subprocess.Popen(
        [sys.executable, "-m", "twinlens", *command],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=_heed_ctrl_c,
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
        assert process.wait(60) == code
        assert process.stderr.read().splitlines()[-1] == "twinlens: stopped; run the same command again to go on"
    with Collection.open(tmp_path / "twinlens-collection") as collection:
        found = {hit.sample.image.name: hit.sample.text for hit in collection.search(text="green")}
        assert set(found) == {"crimson.png", "new.png"} and found["new.png"] == "a green tile"
        assert collection.verify() == []


def test_there_must_be_something_to_watch(run, tmp_path):
    code, _, err = run("index", "nowhere", "--watch")
    assert code == 2 and "nowhere to watch" in err
    code, _, err = run("index", ".", "--watch", "--every", "0")
    assert code == 2 and "want numbers above 0" in err
