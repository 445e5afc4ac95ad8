"""The documentation as a site: every page and picture there, every link checked, nothing fetched from elsewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("mkdocs", reason="`make docs` installs what builds the site")
pytest.importorskip("material")
pytest.importorskip("mkdocstrings")

import twinlens
from release import check, site


def build(source: Path, out: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """Build the site as `make docs` does, in another folder."""
    (options,) = re.findall(r"/mkdocs (build.*)", (check.ROOT / "Makefile").read_text("utf-8"))
    command = [sys.executable, "-m", "mkdocs", *options.split(), "--site-dir", str(out), *more]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1", "PYTHONPATH": str(source / "src")}
    return subprocess.run(command, cwd=source, env=environment, capture_output=True, text=True)


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return check.copy_sources(tmp_path_factory.mktemp("documents"))


@pytest.fixture(scope="module")
def built(source, tmp_path_factory):
    out = tmp_path_factory.mktemp("site")
    done = build(source, out)
    assert done.returncode == 0, done.stderr
    return out


def test_every_document_is_a_page(built):
    pages = {path.stem for path in (check.ROOT / "docs").glob("*.md")} | {"api", "index", "changelog", "benchmarks"}
    assert pages <= {path.stem for path in built.glob("*.html")}


def test_nothing_is_fetched_from_elsewhere(built):
    for page in built.glob("*.html"):
        text = page.read_text("utf-8")
        assert re.findall(r"<(?:script|img|iframe)[^>]* src=\"?https?:[^>]*>", text) == []
        assert re.findall(r"<link[^>]* rel=\"?(?:stylesheet|preconnect)[^>]* href=\"?https?:[^>]*>", text) == []


def test_pages_show_the_pictures_of_results(built):
    for page, picture in {"index": "demo.png", "service": "page.png", "results": "paper.png"}.items():
        assert f'src="images/{picture}"' in (built / f"{page}.html").read_text("utf-8")
        assert (built / "images" / picture).is_file()


def test_the_api_page_has_every_public_name_with_its_docstring(built):
    text = (built / "api.html").read_text("utf-8")
    for name in twinlens.__all__:
        assert f'id="twinlens.{name}"' in text, name
    assert 'id="twinlens.Collection.add"' in text, "inherited"
    summary = re.sub(r"\s+", " ", twinlens.Collection.search.__doc__.split(".")[0])
    assert summary.split("`")[0] in re.sub(r"\s+", " ", text)


def test_an_example_can_be_read_from_the_site(built):
    assert (built / "files/examples/find_similar.py").is_file()
    assert 'href="files/examples/find_similar.py"' in (built / "reference.html").read_text("utf-8")


def test_a_link_or_an_anchor_that_leads_nowhere_fails_the_build(source, tmp_path):
    """The API page stays as it is written: its docstrings are most of a build, and have no part in this."""
    (source / "links.yml").write_text("INHERIT: mkdocs.yml\nplugins: [search]\n", encoding="utf-8")
    page = source / "docs" / "scale.md"
    text = page.read_text("utf-8")
    page.write_text(f"{text}\n[a](none.md) [b](guide.md#none) [c](../src/none.py)\n", encoding="utf-8")
    try:
        done = build(source, tmp_path, "--config-file", "links.yml")
    finally:
        page.write_text(text, encoding="utf-8")
    assert done.returncode != 0 and done.stderr.count("WARNING") == 3, done.stderr
    for target in ("none.md", "guide.md#none", "files/src/none.py"):
        assert f"'{target}'" in done.stderr


@pytest.mark.parametrize(
    ("page", "written", "shown"),
    [
        ("index.md", "[guide](docs/guide.md#a)", "[guide](guide.md#a)"),
        ("index.md", "![demo](docs/images/demo.png)", "![demo](images/demo.png)"),
        ("guide.md", "[speed](../benchmarks/RESULTS.md)", "[speed](benchmarks.md)"),
        ("guide.md", "[like this](../examples/find_similar.py)", "[like this](files/examples/find_similar.py)"),
        ("guide.md", "[the runs](../benchmarks/paper)", "the runs"),
        ("guide.md", "[elsewhere](https://www.geonames.org/)", "[elsewhere](https://www.geonames.org/)"),
        ("guide.md", "```\n[x](../README.md)\n```", "```\n[x](../README.md)\n```"),
    ],
)
def test_links_of_the_repository_become_links_of_the_site(page, written, shown):
    assert site.with_links(written, page) == shown
