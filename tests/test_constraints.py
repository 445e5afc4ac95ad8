"""Every distribution that `make` installs is pinned with its hashes, and another file under its name is refused."""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CONSTRAINTS = (ROOT / "constraints.txt").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
PIN = re.compile(r"(?m)^([\w.-]+)==(\S+) \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)")
UV = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
needs_uv = pytest.mark.skipif(UV is None, reason="uv is not installed")


def normal(name: str) -> str:
    """A name as the index has it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_line_is_a_pin_with_hashes():
    assert PIN.sub("", CONSTRAINTS) == ""
    names = [normal(name) for name, _, _ in PIN.findall(CONSTRAINTS)]
    assert len(names) == len(set(names)) > 50


def test_all_that_is_required_is_pinned():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = [*project["build-system"]["requires"], *project["project"]["dependencies"]]
    wanted += [line for lines in project["project"]["optional-dependencies"].values() for line in lines]
    required = {normal(re.match(r"[\w.-]+", line)[0]) for line in wanted} - {"twinlens"}
    assert required | {"uv"} <= {normal(name) for name, _, _ in PIN.findall(CONSTRAINTS)}


def test_make_installs_nothing_without_its_hash():
    lines = [line for line in MAKEFILE.splitlines() if " pip install" in line]
    assert len(lines) == 6
    assert all("$(PINNED)" in line or "--require-hashes" in line for line in lines)
    assert "PINNED := -c constraints.txt -b constraints.txt" in MAKEFILE and "no-verify" not in MAKEFILE


def test_uv_itself_is_taken_out_with_its_hashes(tmp_path):
    (command,) = [line.strip() for line in MAKEFILE.splitlines() if "sed -n" in line]
    (tmp_path / ".venv").mkdir()
    shutil.copy(ROOT / "constraints.txt", tmp_path)
    subprocess.run(["sh", "-c", command.replace("$$", "$")], cwd=tmp_path, check=True)
    ((name, _, hashes),) = PIN.findall((tmp_path / ".venv" / "uv.txt").read_text())
    assert name == "uv" and hashes in CONSTRAINTS


def wheel(folder: Path) -> Path:
    """The smallest distribution there can be: tiny 1.0."""
    path, about = folder / "tiny-1.0-py3-none-any.whl", "tiny-1.0.dist-info"
    files = {
        "tiny.py": "ONE = 1\n",
        f"{about}/METADATA": "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{name},sha256={_short(text)},{len(text)}\n" for name, text in files.items())
    with zipfile.ZipFile(path, "w") as packed:
        for name, text in {**files, f"{about}/RECORD": f"{record}{about}/RECORD,,\n"}.items():
            packed.writestr(name, text)
    return path


def _short(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


@needs_uv
@pytest.mark.parametrize("right", [True, False])
@pytest.mark.parametrize("tool", ["uv", "pip"])
def test_a_wrong_hash_fails_the_install(tmp_path, tool, right):
    digest = hashlib.sha256(wheel(tmp_path).read_bytes()).hexdigest()
    if not right:
        digest = f"{'0' * 8}{digest[8:]}"
    (tmp_path / "constraints.txt").write_text(f"tiny==1.0 \\\n    --hash=sha256:{digest}\n")
    local = ["--no-index", "--find-links", str(tmp_path), "--target", str(tmp_path / "site")]
    command = {
        "uv": [UV, "pip", "install", *local, "-c", "constraints.txt", "-b", "constraints.txt", "tiny"],
        "pip": [sys.executable, "-m", "pip", "install", *local, "--require-hashes", "-r", "constraints.txt"],
    }[tool]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode == 0) == right, done.stderr
    assert (tmp_path / "site" / "tiny.py").exists() == right
    assert right or "hash" in done.stderr.lower()
