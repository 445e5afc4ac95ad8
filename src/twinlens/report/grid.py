"""Rows of results, and their grid as one picture, like the paper's figure 2: the query on the left, its hits ranked.

Pages and exports show the same rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple, Self

from PIL import Image

from twinlens.core.escaping import escaped
from twinlens.core.types import Hit, Sample, TwinlensError
from twinlens.media import moments, sources
from twinlens.media.fields import PLACE, TAKEN
from twinlens.report._cards import INK, PAGE, QUIET, WIDE, Card, Words, sentence, thumbnail, usual_shape

MARGIN, GAP = 44, 20
CONTENT = 1260  # width of the hits' side
WIDEST, NARROWEST = 406, 120  # of a card
REASONS = 6
"""Lines of a card for the reasons of an answer's place."""
UNITS = {
    "cosine": "the cosine between query and answer: 1 is as near as can be",
    "deviations": "the number of standard deviations above the mean of the collection",
    "similarity": "the model's own similarity of query and answer",
}
"""Units of scores with their meaning."""


class Details(NamedTuple):
    """The file of an answer, `escaped`: its name, its folder, when and where it was taken; empty if not known."""

    name: str = ""
    folder: str = ""
    date: str = ""
    place: str = ""


@dataclass(frozen=True)
class ResultRow:
    """A query and its hits, best first.

    notes: what else was asked for, a line each. mean: that of the scores over the collection. unit: one of `UNITS`.
    """

    query: Sample
    hits: Sequence[Hit]
    notes: tuple[str, ...] = ()
    mean: float = 0.0
    unit: str = "cosine"

    def first(self, count: int) -> Self:
        """Return the row with its first hits only."""
        return replace(self, hits=self.hits[:count])

    def share(self, hit: Hit) -> float:
        """Return a hit's score as a share of the best, 0 to 1, with 0 at the collection's mean or below."""
        best = max(other.score for other in self.hits) - self.mean
        return min(1.0, max(0.0, (hit.score - self.mean) / best)) if best > 0 else 0.0


def legend(rows: Sequence[ResultRow]) -> str:
    """Explain scores and bars in two sentences."""
    meanings = "; or ".join(dict.fromkeys(UNITS[row.unit] for row in rows))
    return f"The score is {meanings}. The bar is its share of the best score, with zero at the collection's mean."


def details(hit: Hit) -> Details:
    """Return the details of a hit's file; the name of a moment's is followed by its time."""
    path, taken = hit.sample.image, hit.metadata.get(TAKEN)
    date = escaped(taken.replace("T", " ")[:16]) if isinstance(taken, str) else ""
    named = hit.metadata.get(PLACE)
    place = escaped(", ".join(map(str, named)) if isinstance(named, list) else str(named or ""))
    if not isinstance(path, Path):
        return Details(date=date, place=place)
    folder = sources.shown(moments.file_of(path).parent)
    return Details(escaped(moments.label(path)), escaped(str(folder)), date, place)


def link(sample: Sample) -> str:
    """Return the file URI of a sample's picture, of its tar where it is in one; empty for a picture in memory,
    and for one on object storage, which no browser opens.

    That of a moment opens the video there: `#t=83.5` (W3C, Media Fragments URI 1.0, 4.2.1).
    """
    if not isinstance(sample.image, Path) or sources.is_object(sample.image):
        return ""
    within = sources.split(sample.image)
    if within is not None:
        return within[0].absolute().as_uri()
    moment = moments.split(sample.image)
    if moment is not None:
        return f"{moment[0].absolute().as_uri()}#t={moment[1]:.3f}".rstrip("0").rstrip(".")
    return sample.image.absolute().as_uri()


def result_grid(
    rows: Sequence[ResultRow],
    path: Path,
    *,
    columns: int | None = None,
    colors: int | None = None,
    is_right: Callable[[Sample, Hit], bool] | None = None,
) -> None:
    """Draw queries and their hits, best first, as one PNG.

    A query without a picture is a card with its sentence; a picture that cannot be read is a card with the reason.
    columns: hits side by side; by default 5, or 3 for wide pictures such as NLVR's. colors: of a palette, at most 256,
    which makes a file of photographs smaller by two thirds. is_right: tells the right answers of a query, which are
    framed, where these are known. Raises TwinlensError when there are no queries, too many
    columns, or the file cannot be written.
    """
    if not rows:
        raise TwinlensError("there is no query to draw")
    right = is_right or (lambda _query, _hit: False)
    cards = [
        (
            _query_card(row.query, row.notes),
            [_answer_card(n, hit, row.share(hit), right(row.query, hit)) for n, hit in enumerate(row.hits, 1)],
        )
        for row in rows
    ]
    columns = columns or _columns([card for query, answers in cards for card in (query, *answers)])
    width = min(WIDEST, (CONTENT - GAP * (columns - 1)) // columns)
    if width < NARROWEST:
        raise TwinlensError(f"{columns} columns do not fit; give at most {(CONTENT + GAP) // (NARROWEST + GAP)}")
    blocks = [_block(query, answers, columns, width) for query, answers in cards]
    try:
        page = _page(blocks, legend(rows))
        drawn = page if colors is None else page.quantize(colors, dither=Image.Dither.NONE)
        drawn.save(path, format="PNG", optimize=True)
    except OSError as error:
        raise TwinlensError(f"cannot write {path}: {error.strerror or error}") from error


def _query_card(query: Sample, notes: Sequence[str]) -> Card:
    words, asked = sentence(query), tuple(Words(escaped(note), 15, QUIET) for note in notes)
    if query.image is None:
        return Card(Words(f"“{words}”", 26, most=6), "QUERY", asked)
    below = (Words(f"“{words}”", 21, most=6),) if words else ()
    return Card(_content(query), "QUERY", (*below, *asked))


def _answer_card(rank: int, hit: Hit, share: float, is_right: bool) -> Card:
    label = f"{rank} · right" if is_right else str(rank)
    return Card(_content(hit.sample), label, tuple(_below(hit)), hit.score, share, is_right)


def _below(hit: Hit) -> Iterator[Words]:
    """Yield the caption if any, the file's name, folder, date, place, and the reasons; an id where it has no name."""
    said, file = sentence(hit.sample), details(hit)
    if said or not file.name:
        yield Words(said or escaped(hit.sample.id), 16, INK if said else QUIET)
    for text in (file.name, file.folder):
        if text:
            yield Words(text, 13 if said or text == file.folder else 16, QUIET, is_path=True)
    for text in (file.date, file.place):
        if text:
            yield Words(text, 13, QUIET, 1)
    if hit.because:
        yield Words(escaped(hit.because), 13, QUIET, REASONS)


def _content(sample: Sample) -> Image.Image | Words:
    if sample.image is None:
        return Words("no picture", 16, QUIET)
    picture = thumbnail(sample.image, WIDEST)
    return Words(picture, 15, QUIET, 6) if isinstance(picture, str) else picture


def _columns(cards: Sequence[Card]) -> int:
    return 3 if usual_shape(card.content for card in cards if isinstance(card.content, Image.Image)) >= WIDE else 5


def _block(query: Card, answers: Sequence[Card], columns: int, width: int) -> Image.Image:
    """Draw one query beside the lines of its hits."""
    query_width = max(width, 300)
    lines = [_line(answers[n : n + columns], width) for n in range(0, len(answers), columns)] or [_no_answers(width)]
    left = _draw(query, query_width)
    right = _stack(lines, GAP)
    block = Image.new("RGB", (query_width + 2 * GAP + right.width, max(left.height, right.height)), PAGE)
    block.paste(left, (0, 0))
    block.paste(right, (query_width + 2 * GAP, 0))
    return block


def _no_answers(width: int) -> Image.Image:
    words = Words("no answers", 17, QUIET)
    canvas = Image.new("RGB", (width, words.height(width)), PAGE)
    words.draw(canvas, (0, 0), width)
    return canvas


def _line(cards: Sequence[Card], width: int) -> Image.Image:
    """Draw cards side by side, their words at one height."""
    tile = max(card.tile(width) for card in cards)
    height = max(card.height(width, tile) for card in cards)
    line = Image.new("RGB", (len(cards) * (width + GAP) - GAP, height), PAGE)
    for n, card in enumerate(cards):
        line.paste(card.draw((width, height), tile), (n * (width + GAP), 0))
    return line


def _draw(card: Card, width: int) -> Image.Image:
    tile = card.tile(width)
    return card.draw((width, card.height(width, tile)), tile)


def _stack(pictures: Sequence[Image.Image], gap: int) -> Image.Image:
    """Stack pictures vertically."""
    width = max((picture.width for picture in pictures), default=0)
    height = sum(picture.height + gap for picture in pictures) - gap if pictures else 0
    stack, top = Image.new("RGB", (width, height), PAGE), 0
    for picture in pictures:
        stack.paste(picture, (0, top))
        top += picture.height + gap
    return stack


def _page(blocks: Sequence[Image.Image], footer: str) -> Image.Image:
    body, words = _stack(blocks, MARGIN), Words(footer, 14, QUIET)
    height = body.height + 3 * MARGIN + words.height(body.width)
    page = Image.new("RGB", (body.width + 2 * MARGIN, height), PAGE)
    page.paste(body, (MARGIN, MARGIN))
    words.draw(page, (MARGIN, body.height + 2 * MARGIN), body.width)
    return page
