"""A reader who follows `twinlens search --text` meets few files."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest

from tests import toy
from twinlens.collection import Collection
from twinlens.collection.ingest import Options
from twinlens.models.runtime import accelerated, fingerprint

FILES, SLACK = 38, 2
"""Files of the package in which such a search may call functions; bodies of modules and of classes are apart."""
MEASURE = """
import inspect, json, sys, threading
from pathlib import Path

functions, classes = set(), set()

def profile(frame, event, argument):
    code = frame.f_code
    if event == "call" and code.co_name != "<module>":
        (functions if code.co_flags & inspect.CO_OPTIMIZED else classes).add(code.co_filename)

threading.setprofile(profile)
sys.setprofile(profile)
import twinlens.cli as cli

status = cli.main(sys.argv[1:])
sys.setprofile(None)
root = Path(cli.__file__).parent

def inside(files):
    modules = [Path(name) for name in files if name.endswith(".py")]  # templates are compiled too
    return sorted(path.relative_to(root).as_posix() for path in modules if path.is_relative_to(root))

print(json.dumps({"status": status, "functions": inside(functions), "classes": inside(classes - functions)}))
"""
"""Runs a command and prints the files whose functions were called, and those whose classes alone were made."""


@pytest.fixture
def collection(toy_composer, tmp_path):
    """A folder with three pictures under a model whose runtime is tuned, as after indexing some hundred pictures."""
    (tmp_path / "pictures").mkdir()
    for tiles in [("red", "green", "blue"), ("blue", "blue", "red"), ("green", "red", "red")]:
        toy.draw(tiles).save(tmp_path / "pictures" / f"{'-'.join(tiles)}.png")
    with Collection.create(tmp_path / "collection", accelerated(toy_composer, mode="onnx")) as made:
        made.add(tmp_path / "pictures", options=Options(workers=0))
    time.sleep(fingerprint.SETTLED_NS / 1e9)
    fingerprint.of_folder(*(tmp_path / "collection" / "model").iterdir())  # remembered from the first search on
    return tmp_path / "collection"


def test_a_search_by_words_calls_into_few_files(collection, tmp_path):
    given = ["search", "--text", "the left tile is blue", "--collection", str(collection), "--out", str(tmp_path / "o")]
    done = subprocess.run([sys.executable, "-c", MEASURE, *given], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["status"] == 0
    files = found["functions"]
    assert len(files) <= FILES + SLACK, "\n".join([f"{len(files)} files:", *files])
