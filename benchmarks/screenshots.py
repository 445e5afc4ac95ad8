"""Screenshots of the page for the README, on drawn pictures: `python -m benchmarks.screenshots [FOLDER]`.

Needs Chromium and the extra `test`. Writes page.png (a composed query with the panel that says why, light) and
page-phone.png (a phone, dark) into docs/images.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.service.page import gallery
from tests.service.page.browsing import Visit, chromium, serving

IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"
SCENES = 120
PHONE = {
    "color_scheme": "dark",
    "viewport": {"width": 390, "height": 844},
    "is_mobile": True,
    "has_touch": True,
    "device_scale_factor": 2,
}
DESK = {"color_scheme": "light", "viewport": {"width": 1360, "height": 850}}


def main(folder: Path = IMAGES) -> None:
    """Draw, index and serve pictures; take the screenshots."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as made, _served(Path(made)) as url, chromium() as browser:
        picture = Path(made) / "query.png"
        text = gallery.draw_query(picture, SCENES)
        for name, shows_why, options in (("page.png", True, DESK), ("page-phone.png", False, PHONE)):
            visit = Visit(browser, url, **options)
            _ask(visit, picture, text)
            _take(visit, folder / name, shows_why=shows_why)
            visit.context.close()


@contextmanager
def _served(folder: Path) -> Iterator[str]:
    pictures, collection = folder / "pictures", folder / "scenes"
    gallery.draw(pictures, SCENES)
    index = [sys.executable, "-m", "twinlens", "index", str(pictures), "--recipe", "reading"]
    index += ["--collection", str(collection)]
    subprocess.run(index, check=True, capture_output=True)
    with serving(collection) as url:
        yield url


def _ask(visit: Visit, picture: Path, text: str) -> None:
    visit.open()
    with visit.searching():
        visit.hand("drop", "#drop", picture)
    visit.page.wait_for_selector("#thumbs li:not(.waits)")
    visit.say(text)
    visit.page.locator("#words").blur()


def _take(visit: Visit, path: Path, *, shows_why: bool) -> None:
    page = visit.page
    page.wait_for_timeout(800)  # pictures are decoded, and the tiles have their shape
    if shows_why:
        visit.act(2, "why")
        page.wait_for_selector("#why .shares")
        page.wait_for_timeout(400)
    page.screenshot(path=path)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
