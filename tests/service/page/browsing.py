"""A browser on the page: the browser itself, and short words for what people do."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2
from playwright.sync_api import Browser, Page, Response, sync_playwright

from tests.service.conftest import until

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def installed() -> str | None:
    """Return the path of an installed browser."""
    return os.environ.get("TWINLENS_CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run the browser without a window."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=installed(), args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def serving(*collections: Path, token: str | None = None) -> Iterator[str]:
    """Run `twinlens serve` until it is ready; yield its address."""
    folders = [part for folder in collections for part in ("--collection", str(folder))]
    command = [sys.executable, "-m", "twinlens", "serve", *folders, "--port", "0", "--json"]
    environment = {**os.environ, **({"TWINLENS_TOKEN": token} if token else {})}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        try:
            assert process.stdout is not None
            url = json.loads(process.stdout.readline())["url"]
            with httpx2.Client(base_url=url, trust_env=False, timeout=60) as client:
                until(lambda: client.get("/ready").status_code == 200, 120)
            yield url
        finally:
            process.terminate()


class Visit:
    """A page that somebody visits, and what the browser complained of meanwhile."""

    def __init__(self, browser: Browser, url: str, **options: Any) -> None:
        self.context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
        self.context.set_default_timeout(15_000)
        self.page: Page = self.context.new_page()
        self.url, self.complaints = url, list[str]()
        self.page.on("console", self._note)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _note(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def open(self, address: str = "") -> Page:
        """Open an address of the page, and wait for its filters: the collections are known then."""
        self.page.goto(self.url + address)
        self.page.wait_for_selector("#filter-fields .field", state="attached")
        return self.page

    def searching(self) -> Any:
        """Wait for the answer to a search that the body starts."""
        return self.page.expect_response(lambda answer: answer.url.endswith("/search"))

    def say(self, words: str) -> dict[str, Any]:
        """Write words, and return the answer."""
        with self.searching() as found:
            self.page.fill("#words", words)
        return self.answer(found.value)

    def answer(self, response: Response) -> dict[str, Any]:
        """Return an answer once the page shows it."""
        assert response.ok, response.text()
        found: dict[str, Any] = response.json()
        first = found["hits"][0]["id"] if found["hits"] else None
        self.page.wait_for_function(SHOWN, arg=first)
        return found

    def settle(self) -> None:
        """Wait until the pictures in view are loaded and the cards at rest: each picture that comes may move them."""
        self.page.wait_for_function(SETTLED)

    def order(self) -> list[str]:
        """Return the ids of the answers in view, best first."""
        return self.page.eval_on_selector_all(".answer", "cards => cards.map(card => card.dataset.id)")

    def hand(self, event: str, target: str, path: Path) -> None:
        """Drop or paste a file."""
        data = base64.b64encode(path.read_bytes()).decode()
        self.page.evaluate(HAND, [event, target, data, path.name])

    def act(self, place: int, name: str) -> None:
        """Press a button of an answer: select, like, unlike, why."""
        card = self.page.locator(f".answer[aria-posinset='{place}']").first
        card.hover()
        card.locator(f".act.{name}").click()

    def slide(self, value: float) -> None:
        """Drag the slider to a place."""
        box = self.page.locator("#balance").bounding_box()
        assert box is not None
        y = box["y"] + box["height"] / 2
        self.page.mouse.move(box["x"] + box["width"] / 2, y)
        self.page.mouse.down()
        self.page.mouse.move(box["x"] + 10 + (box["width"] - 20) * value, y, steps=4)
        self.page.mouse.up()


SETTLED = """() => !document.getAnimations().length
  && [...document.querySelectorAll(".answer img")].every((image) => image.complete)"""
SHOWN = "first => (document.querySelector('.answer')?.dataset.id ?? null) === first"
HAND = """([kind, target, data, name]) => {
  const bytes = Uint8Array.from(atob(data), (one) => one.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], name, { type: "image/png" }));
  const event = kind === "paste"
    ? new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true })
    : new DragEvent(kind, { dataTransfer: transfer, bubbles: true, cancelable: true });
  document.querySelector(target).dispatchEvent(event);
}"""


def address(**query: str | Sequence[str]) -> str:
    """Return the query string of a page's address."""
    pairs = [(name, one) for name, value in query.items() for one in ([value] if isinstance(value, str) else value)]
    return "?" + "&".join(f"{name}={quote(value)}" for name, value in pairs)
