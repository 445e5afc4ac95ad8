"""The result grid as one picture, like the paper's figure 2: the query on the left, its ranked hits on the right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PIL import Image

from twinlens.core.types import Hit, Sample, TwinlensError
from twinlens.report._cards import INK, PAGE, QUIET, WIDE, Card, Words, caption, sentence, thumbnail, usual_shape

MARGIN, GAP = 44, 20
CONTENT = 1260  # width of the hits' side
WIDEST, NARROWEST = 406, 120  # of a card


def result_grid(
    rows: Sequence[tuple[Sample, Sequence[Hit]]],
    path: Path,
    *,
    columns: int | None = None,
    is_right: Callable[[Sample, Hit], bool] | None = None,
) -> None:
    """Draw queries and their hits, best first, as one PNG.

    A query without a picture is a card with its sentence; a picture that cannot be read is a card with the reason.
    columns: hits side by side; by default 5, or 3 for wide pictures such as NLVR's. is_right: tells the right answers
    of a query, which are framed, where these are known. Raises TwinlensError when there are no queries, too many
    columns, or the file cannot be written.
    """
    if not rows:
        raise TwinlensError("there is no query to draw")
    right = is_right or (lambda _query, _hit: False)
    cards = [
        (
            _query_card(query),
            [_answer_card(n, hit, right(query, hit)) for n, hit in enumerate(hits, 1)],
        )
        for query, hits in rows
    ]
    columns = columns or _columns([card for query, answers in cards for card in (query, *answers)])
    width = min(WIDEST, (CONTENT - GAP * (columns - 1)) // columns)
    if width < NARROWEST:
        raise TwinlensError(f"{columns} columns do not fit; give at most {(CONTENT + GAP) // (NARROWEST + GAP)}")
    blocks = [_block(query, answers, columns, width) for query, answers in cards]
    try:
        _page(blocks).save(path, format="PNG", optimize=True)
    except OSError as error:
        raise TwinlensError(f"cannot write {path}: {error.strerror or error}") from error


def _query_card(query: Sample) -> Card:
    words = sentence(query)
    if query.image is None:
        return Card(Words(f"“{words}”", 26, most=6), "QUERY")
    below = Words(f"“{words}”", 21, most=6) if words else None
    return Card(_content(query), "QUERY", below)


def _answer_card(rank: int, hit: Hit, is_right: bool) -> Card:
    below = Words(caption(hit.sample), 16, INK if hit.sample.text else QUIET)
    return Card(_content(hit.sample), f"{rank} · right" if is_right else str(rank), below, hit.score, is_right)


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


def _page(blocks: Sequence[Image.Image]) -> Image.Image:
    body = _stack(blocks, MARGIN)
    page = Image.new("RGB", (body.width + 2 * MARGIN, body.height + 2 * MARGIN), PAGE)
    page.paste(body, (MARGIN, MARGIN))
    return page
