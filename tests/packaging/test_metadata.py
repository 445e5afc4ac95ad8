"""The metadata that the package index shows, the citation beside it, and the check of a wheel's contents."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile
from email import message_from_string
from importlib import metadata
from pathlib import Path

import pytest
import yaml

from release import check
from twinlens import __version__

ROOT = Path(__file__).resolve().parents[2]
BUILD = "import setuptools.build_meta as build; print(build.prepare_metadata_for_build_wheel('.'))"


def copied_by_the_containerfile() -> list[str]:
    """The files and folders that the container file copies from the repository."""
    lines = re.findall(r"^COPY (?!--from)(.+) \S+$", (ROOT / "Containerfile").read_text("utf-8"), flags=re.MULTILINE)
    return [name for line in lines for name in line.split()]


@pytest.fixture(scope="module")
def about(tmp_path_factory):
    """The wheel's metadata, made from nothing but the files that the container file copies."""
    folder = tmp_path_factory.mktemp("metadata")
    for name in copied_by_the_containerfile():
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)
    done = subprocess.run([sys.executable, "-c", BUILD], cwd=folder, check=True, capture_output=True, text=True)
    return message_from_string((folder / done.stdout.split()[-1] / "METADATA").read_text("utf-8"))


def test_the_index_is_told_who_what_and_where(about):
    assert (about["Name"], about["Version"]) == ("twinlens", __version__)
    assert about["Author"] == "The twinlens authors" and about["License-Expression"] == "Apache-2.0"
    assert about["Requires-Python"] == ">=3.11" and "composed image retrieval" in about["Keywords"]
    urls = dict(line.split(", ") for line in about.get_all("Project-URL"))
    assert {"Repository", "Issues", "Changelog"} <= set(urls)
    assert all(url.startswith(urls["Repository"]) for url in urls.values())
    assert "Typing :: Typed" in about.get_all("Classifier") and (ROOT / "src/twinlens/py.typed").is_file()


def test_only_the_systems_that_were_tried_are_claimed(about):
    systems = [line for line in about.get_all("Classifier") if line.startswith("Operating System")]
    assert systems == ["Operating System :: POSIX :: Linux"]


def test_every_licence_of_the_package_travels(about):
    licences = {path.relative_to(ROOT).as_posix() for path in (ROOT / "src" / "twinlens").rglob("LICENSE")}
    assert set(about.get_all("License-File")) == {"LICENSE", *licences}


def test_the_readmes_links_are_absolute_and_lead_to_files_of_this_version(about):
    text = about.get_payload()
    assert about["Description-Content-Type"] == "text/markdown" and check.RELATIVE.findall(text) == []
    home = dict(line.split(", ") for line in about.get_all("Project-URL"))["Repository"]
    found = re.findall(rf"(!?)\[[^\]]*\]\({re.escape(home)}/(raw|blob)/v{re.escape(__version__)}/([^)#]+)", text)
    assert len(found) == len(check.RELATIVE.findall((ROOT / "README.md").read_text("utf-8"))) > 20
    for mark, kind, path in found:
        assert kind == ("raw" if mark else "blob") and (ROOT / path).is_file(), path


def test_the_citation_names_this_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert citation["version"] == __version__ and citation["license"] == "Apache-2.0"
    assert citation["authors"] == [{"name": "The twinlens authors"}]
    assert citation["references"][0]["title"] in (ROOT / "README.md").read_text("utf-8")


def test_a_wheel_that_lacks_files_or_has_others_is_refused(tmp_path):
    path = tmp_path / "twinlens-0.1.0-py3-none-any.whl"
    package = ROOT / "src" / "twinlens"
    with zipfile.ZipFile(path, "w") as wheel:
        for file in package.rglob("*"):
            if file.is_file() and file.suffix != ".pyc" and file.name != "py.typed":
                wheel.writestr(file.relative_to(package.parent).as_posix(), "")
        wheel.writestr("tests/test_cli.py", "")
        wheel.writestr("twinlens-0.1.0.dist-info/METADATA", "Name: twinlens\n\nSee [the guide](docs/guide.md).\n")
    assert list(check.problems(path)) == [
        "the wheel lacks twinlens/py.typed; see package-data in pyproject.toml",
        "the wheel has tests/test_cli.py, which is no part of the package",
        "the index cannot follow the README's link docs/guide.md",
    ]


def test_a_maintainer_is_reminded_of_what_is_still_a_placeholder(tmp_path, monkeypatch):
    monkeypatch.setattr(check, "ROOT", tmp_path)
    (tmp_path / "pyproject.toml").write_text('Repository = "https://example.org/twinlens"\n')
    (tmp_path / "CHANGELOG.md").write_text("# Changelog\n\n## 0.1.0 (unreleased)\n")
    assert ["pyproject.toml" in line for line in check.reminders()] == [True, False]
    (tmp_path / "pyproject.toml").write_text('Repository = "https://code.example.com/twinlens"\n')
    (tmp_path / "CHANGELOG.md").write_text("# Changelog\n\n## 0.1.0 (2026-01-01)\n")
    assert list(check.reminders()) == []


def test_every_extra_that_the_documents_name_exists():
    extras = set(metadata.metadata("twinlens").get_all("Provides-Extra"))
    named = set()
    for path in (ROOT / "docs/install.md", ROOT / "Containerfile", ROOT / ".github/workflows/ci.yml"):
        for names in re.findall(r"\.\[([\w,]+)\]", path.read_text("utf-8")):
            named |= set(names.split(","))
    assert {"offline", "test"} <= named <= extras | {"docs", "release"}
