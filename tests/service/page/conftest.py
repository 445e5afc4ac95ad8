"""A real server over drawn pictures, and a real browser on its page; skipped where there is no browser.

TWINLENS_BROWSER=must makes a missing browser a failure.
"""

from __future__ import annotations

import importlib.util
import os

import pytest

from tests.service.page import gallery


def _lacking() -> str | None:
    for name in ("playwright", "axe_playwright_python"):
        if importlib.util.find_spec(name) is None:
            return f"{name} is not installed: pip install 'twinlens[test]'"
    from tests.service.page import browsing

    return None if browsing.installed() else "there is no Chromium: apt-get install chromium"


@pytest.fixture(scope="session")
def browser():
    """The browser, one for all tests of a process."""
    if lacking := _lacking():
        if os.environ.get("TWINLENS_BROWSER") == "must":
            pytest.fail(lacking)
        pytest.skip(lacking)
    from tests.service.page import browsing

    with browsing.chromium() as running:
        yield running


@pytest.fixture(scope="session")
def drawn(tmp_path_factory):
    """A folder with `pictures`, and two collections of them: `scenes` and, of another model, `other`."""
    from twinlens.collection import Collection

    folder = tmp_path_factory.mktemp("drawn")
    gallery.draw(folder / "pictures", 24)
    gallery.draw_query(folder / "query.png", 24, seed=1)
    for name, recipe in (("scenes", "reading"), ("other", "compact")):
        with Collection.create(folder / name, recipe=recipe) as made:
            made.add(folder / "pictures")
    return folder


@pytest.fixture(scope="session")
def url(browser, drawn):
    """The address of a service over both collections."""
    from tests.service.page import browsing

    with browsing.serving(drawn / "scenes", drawn / "other") as address:
        yield address


@pytest.fixture
def visits(browser):
    """A function that visits an address in a context of its own; no visit may leave an error in the console."""
    from tests.service.page import browsing

    opened = []

    def visit(url, **options):
        opened.append(browsing.Visit(browser, url, **options))
        return opened[-1]

    yield visit
    for one in opened:
        one.context.close()
        assert one.complaints == []


@pytest.fixture
def visit(visits, url):
    """A visit of the page with a wide window."""
    return visits(url)
