from __future__ import annotations

import base64
import io
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from tests.media.videos import write_video
from tests.pictures import png, shard
from twinlens.core.types import Hit, Sample, TwinlensError
from twinlens.media import moments
from twinlens.report.grid import ResultRow, details, link
from twinlens.report.page import THUMBNAIL, result_page


class Page(HTMLParser):
    """What the tests ask of a page: its tags, its links and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def opened(source: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(source.partition("base64,")[2])))


@pytest.fixture
def html(tmp_path, query, hits) -> str:
    result_page(
        [ResultRow(query, hits), ResultRow(Sample("q2", None, "a sentence"), [])],
        tmp_path / "page.html",
        title="Dogs & cats",
    )
    return (tmp_path / "page.html").read_text("utf-8")


def test_the_page_asks_nothing_of_the_network(html):
    page = Page(html)
    sources = [value for _, attributes in page.tags for key, value in attributes.items() if key in ("src", "href")]
    assert sources and all(source.startswith(("data:image/", "file:///")) for source in sources)
    assert all(image["src"].startswith("data:image/") for image in page.all("img"))
    assert "url(" not in html and "@import" not in html and not page.all("script")
    assert "default-src 'none'" in html


def test_texts_are_escaped(html):
    assert "at night &amp; &lt;b&gt;cold&lt;/b&gt;" in html
    assert "<title>Dogs &amp; cats</title>" in html
    assert not Page(html).all("b")


def test_every_answer_is_a_card_in_its_order(html):
    page = Page(html)
    assert len(page.all("li")) == 6
    assert re.findall(r'class="score">([^<]+)', html) == ["1.500", "0.900", "0.500", "0.250", "0.000", "-0.500"]
    assert re.findall(r"width: (\d+)%\"", html) == ["100", "60", "33", "17", "0", "0"]


def test_pictures_have_alternative_texts(html):
    texts = [image["alt"] for image in Page(html).all("img")]
    assert texts[:3] == ["the picture of the query", ("a dog " * 60).strip(), "portrait.png"]
    assert all(texts)


def test_what_cannot_be_shown_says_why(html):
    text = Page(html).text
    assert "broken.png: " in text
    assert "no picture" in text
    assert r"odd\xff.png" in text
    assert "No answers." in text


def test_large_photos_become_small_jpegs_and_drawings_stay_sharp(tmp_path):
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (1500, 1000, 3), dtype=np.uint8))
    hits = [Hit(Sample("photo", noise), 0.5), Hit(Sample("drawing", Image.new("RGB", (400, 100), "red")), 0.4)]
    result_page([ResultRow(Sample("query", None, "x"), hits)], tmp_path / "page.html")
    photo, drawing = (opened(image["src"]) for image in Page((tmp_path / "page.html").read_text("utf-8")).all("img"))
    assert (photo.format, photo.size) == ("JPEG", (THUMBNAIL * 2 // 3, THUMBNAIL))
    assert (drawing.format, drawing.size, drawing.getpixel((0, 0))) == ("PNG", (400, 100), (255, 0, 0))


def test_controls_and_directions_are_escaped_and_long_captions_cut(tmp_path):
    hits = [Hit(Sample("a\x1b.png", None, "cat\u202egpj \x9b31m"), 0.5), Hit(Sample("b", None, "x" * 200_000), 0.4)]
    result_page(
        [ResultRow(Sample("q", None, "dog\x07"), hits)], tmp_path / "page.html", title="dog\x07 \u2066" + "y" * 5000
    )
    html = (tmp_path / "page.html").read_text("utf-8")
    assert not {"\x1b", "\x07", "\x9b", "\u202e", "\u2066"} & set(html) and len(html) < 30_000
    assert r"cat\u202egpj \x9b31m" in html and r"“dog\x07”" in html


@pytest.mark.parametrize(
    ("rows", "name"), [([], "page.html"), ([ResultRow(Sample("q", None, "x"), [])], "none/page.html")]
)
def test_what_cannot_be_written_is_told(tmp_path, rows, name):
    with pytest.raises(TwinlensError, match=r"no query|cannot write"):
        result_page(rows, tmp_path / name)


FIELDS = {"taken": "2019-05-03T12:30:15+02:00", "place": ["Lisbon", "Portugal"]}


def test_a_card_names_its_file_and_links_to_it(tmp_path):
    folder = tmp_path / "long & deep" / ("x" * 60) / "end"
    folder.mkdir(parents=True)
    path = folder / 'a "b" #1.png'
    Image.new("RGB", (30, 20), "red").save(path)
    hits = [Hit(Sample("7", path, "a tile"), 0.5, metadata=FIELDS)]
    result_page([ResultRow(Sample("q", None, "x"), hits)], tmp_path / "page.html")
    page = Page((tmp_path / "page.html").read_text("utf-8"))
    assert [link["href"] for link in page.all("a")] == [path.as_uri()]
    assert 'a "b" #1.png' in page.text and "2019-05-03 12:30" in page.text and "a tile" in page.text
    assert "Lisbon, Portugal" in page.text
    assert "\N{HORIZONTAL ELLIPSIS}" in page.text and "x" * 60 not in page.text
    assert any(tag.get("title") == str(path) for tag in page.all("p"))


def test_a_moment_of_a_video_has_its_time_and_links_to_it(tmp_path):
    path = moments.path_of(write_video(tmp_path / "clip.mp4", 12), 3)
    hit = Hit(Sample("1", path), 0.5)
    result_page([ResultRow(Sample("q", None, "x"), [hit])], tmp_path / "page.html")
    page = Page((tmp_path / "page.html").read_text("utf-8"))
    assert [link["href"] for link in page.all("a")] == [f"{(tmp_path / 'clip.mp4').as_uri()}#t=3"]
    assert "clip.mp4, at 0:03" in page.text and details(hit).folder == str(tmp_path)
    assert "has no key frame at" not in page.text and len(page.all("img")) == 1
    assert link(Sample("1", moments.path_of(tmp_path / "clip.mp4", 3683.25))).endswith("clip.mp4#t=3683.25")


def test_a_picture_in_a_tar_links_to_the_tar(tmp_path):
    path = shard(tmp_path / "s.tar", {"k.png": png(1)}) / "k.png"
    result_page([ResultRow(Sample("q", None, "x"), [Hit(Sample("1", path), 0.5)])], tmp_path / "page.html")
    assert f'href="{(tmp_path / "s.tar").as_uri()}"' in (tmp_path / "page.html").read_text("utf-8")


@pytest.mark.parametrize(("unit", "line"), [("cosine", "the cosine"), ("deviations", "standard deviations above")])
def test_the_page_explains_scores_and_shows_what_else_was_asked(tmp_path, unit, line):
    notes = ("without: <people>", "in: a\x1b[0m")
    result_page([ResultRow(Sample("q", None, "x"), [], notes, unit=unit)], tmp_path / "page.html")
    html = (tmp_path / "page.html").read_text("utf-8")
    assert line in html and "without: &lt;people&gt;" in html and "\x1b" not in html
