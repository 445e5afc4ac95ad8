"""The reasons for answers as one picture: shares of scores, words, facts, and the gate over the query's picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw

from twinlens.core.escaping import escaped
from twinlens.core.explanation import Explanation
from twinlens.core.types import Hit, Sample, TwinlensError
from twinlens.report._bars import BAR_PITCH, chips, chips_height, draw_bars, draw_chips
from twinlens.report._cards import (
    BORDER,
    CARD,
    INK,
    PADDING,
    PAGE,
    QUIET,
    RIGHT,
    TILE,
    Words,
    font_for,
    panel,
    resized,
    sentence,
    thumbnail,
)  # fmt: skip
from twinlens.report.gate import gate_overlay, ramp
from twinlens.report.grid import GAP, MARGIN, UNITS, details

WIDTH = 1180
"""Width of a panel in pixels."""
PICTURE, HIGHEST = 280, 220
SHARES, WORDS = 400, 400  # widths of a row's columns
LEGEND = (
    "A bar is the share of one comparison in the score, blue what raises it and orange what lowers it; shares add up to"
    " the score. The number below a word is how much higher the score is than without this word."
)


@dataclass(frozen=True)
class Panel:
    """A query, the answers explained, and their explanations; title: the collection or the model.

    notes: what else was asked for, a line each.
    """

    title: str
    query: Sample
    answers: Sequence[tuple[Hit, Explanation]]
    notes: tuple[str, ...] = ()


def explanation_sheet(panels: Sequence[Panel], path: Path) -> None:
    """Draw panels beside each other as a PNG. Raises TwinlensError without any answer, or if it cannot be written."""
    if not any(one.answers for one in panels):
        raise TwinlensError("there is no answer to explain")
    drawn = [_panel(one) for one in panels]
    words = [Words(f"{LEGEND} {_unit(one)}", 14, QUIET, 4) for one in panels]
    height = max(picture.height + text.height(WIDTH) for picture, text in zip(drawn, words, strict=True))
    page = Image.new("RGB", (len(drawn) * (WIDTH + MARGIN) + MARGIN, height + 3 * MARGIN), PAGE)
    for n, (picture, text) in enumerate(zip(drawn, words, strict=True)):
        left = MARGIN + n * (WIDTH + MARGIN)
        page.paste(picture, (left, MARGIN))
        text.draw(page, (left, MARGIN + picture.height + MARGIN // 2), WIDTH)
    try:
        page.save(path, format="PNG", optimize=True)
    except OSError as error:
        raise TwinlensError(f"cannot write {path}: {error.strerror or error}") from error


def _unit(one: Panel) -> str:
    return f"The score is {UNITS[one.answers[0][1].unit]}." if one.answers else ""


def _panel(one: Panel) -> Image.Image:
    shares = max((abs(share.score) for _, why in one.answers for share in why.shares), default=0.0)
    words = max((abs(word.effect) for _, why in one.answers for word in why.words), default=0.0)
    rows = [_header(one), *(_row(hit, why, shares, words) for hit, why in one.answers)]
    canvas = Image.new("RGB", (WIDTH, sum(row.height for row in rows) + GAP * (len(rows) - 1)), PAGE)
    top = 0
    for row in rows:
        canvas.paste(row, (0, top))
        top += row.height + GAP
    return canvas


def _header(one: Panel) -> Image.Image:
    """Draw the query: its picture, the gate over it, and the words beside them."""
    tiles = list(_tiles(one))
    texts = [Words(escaped(one.title), 15, QUIET, 1, is_path=True)]
    if words := sentence(one.query):
        texts.append(Words(f"“{words}”", 24, INK, 5))
    texts += [Words(escaped(note), 15, QUIET) for note in one.notes]
    left = len(tiles) * (PICTURE + GAP)
    beside = sum(text.height(WIDTH - left) for text in texts) + 10 * (len(texts) - 1)
    canvas = Image.new("RGB", (WIDTH, max([beside, *(tile.height for tile in tiles)])), PAGE)
    for n, tile in enumerate(tiles):
        canvas.paste(tile, (n * (PICTURE + GAP), 0))
    top = 0
    for text in texts:
        text.draw(canvas, (left, top), WIDTH - left)
        top += text.height(WIDTH - left) + 10
    return canvas


def _tiles(one: Panel) -> Iterator[Image.Image]:
    """Yield the query's picture, and the same below its gate, each with a line below."""
    if one.query.image is None:
        return
    picture = thumbnail(one.query.image, PICTURE * 2)
    yield _tile(picture, "the query's picture")
    gate = one.answers[0][1].gate if one.answers else None
    if gate is None or isinstance(picture, str):
        return
    tile = _tile(gate_overlay(picture, gate), f"the gate: {min(gate.values):.2f}")
    most = f"{max(gate.values):.2f} open"
    bar = ramp((PICTURE // 4, 10))
    pen, middle = ImageDraw.Draw(tile), tile.height - 10
    at = round(font_for("the gate", 14).getlength(f"the gate: {min(gate.values):.2f}")) + 8
    tile.paste(bar, (at, middle - 5))
    pen.text((at + bar.width + 8, middle), most, font=font_for(most, 14), fill=QUIET, anchor="lm")
    yield tile


def _tile(content: Image.Image | str, label: str) -> Image.Image:
    """Draw a picture, or the reason why it cannot be read, with a line below."""
    shown = _shown(content)
    canvas = Image.new("RGB", (PICTURE, shown.height + 26), PAGE)
    canvas.paste(shown, (0, 0))
    pen = ImageDraw.Draw(canvas)
    pen.text((0, canvas.height - 10), label, font=font_for(label, 14), fill=QUIET, anchor="lm")
    return canvas


def _shown(content: Image.Image | str) -> Image.Image:
    if isinstance(content, str):
        words, canvas = Words(content, 15, QUIET, 6), Image.new("RGB", (PICTURE, 150), TILE)
        words.draw(canvas, (12, 12), PICTURE - 24)
        return canvas
    fitted = resized(content, (PICTURE, HIGHEST))
    canvas = Image.new("RGB", (PICTURE, fitted.height), TILE)
    canvas.paste(fitted, ((PICTURE - fitted.width) // 2, 0))
    return canvas


def _row(hit: Hit, why: Explanation, shares: float, words: float) -> Image.Image:
    """Draw an answer: its picture, the bars of its shares, and its words and facts."""
    content = "no picture" if hit.sample.image is None else thumbnail(hit.sample.image, PICTURE * 2)
    picture, below = _shown(content), tuple(_below(hit))
    placed, facts = chips(why.words, WORDS), tuple(_facts(hit, why))
    left = picture.height + 8 + sum(text.height(PICTURE) for text in below)
    middle = 44 + len(why.shares) * BAR_PITCH
    right = chips_height(placed) + sum(text.height(WORDS) + 4 for text in facts)
    canvas = Image.new("RGB", (WIDTH, max(left, middle, right) + 2 * PADDING), PAGE)
    panel(canvas, (0, 0, *canvas.size), 12, BORDER)
    panel(canvas, (1, 1, canvas.width - 1, canvas.height - 1), 11, CARD)
    canvas.paste(picture, (PADDING, PADDING))
    _stack(canvas, below, (PADDING, PADDING + picture.height + 8), PICTURE)
    at = 2 * PADDING + PICTURE + GAP
    _score(canvas, (at, PADDING), why)
    draw_bars(canvas, (at, PADDING + 44), SHARES, why.shares, shares)
    at += SHARES + GAP + PADDING
    height = draw_chips(canvas, (at, PADDING), placed, words)
    _stack(canvas, facts, (at, PADDING + height), WORDS, 4)
    return canvas


def _score(canvas: Image.Image, corner: tuple[int, int], why: Explanation) -> None:
    pen, rank = ImageDraw.Draw(canvas), "not an answer" if why.rank is None else str(why.rank)
    pen.text(corner, rank, font=font_for(rank, 22), fill=INK)
    pen.text((corner[0] + SHARES, corner[1] + 2), f"{why.score:.3f}", font=font_for("0", 19), fill=INK, anchor="ra")


def _stack(canvas: Image.Image, texts: Sequence[Words], corner: tuple[int, int], width: int, gap: int = 0) -> None:
    top = corner[1]
    for text in texts:
        text.draw(canvas, (corner[0], top), width)
        top += text.height(width) + gap


def _below(hit: Hit) -> Iterator[Words]:
    """Yield the caption if any, and the file's name, else the id."""
    if said := sentence(hit.sample):
        yield Words(said, 15, INK, 2)
    yield Words(details(hit).name or escaped(hit.id), 13, QUIET, is_path=True)


def _facts(hit: Hit, why: Explanation) -> Iterator[Words]:
    """Yield the statements that decided, or the reasons of other stages; and how many words were not measured."""
    for fact in why.facts:
        found = "" if fact["found"] is None else f" ({fact['found']} found)"
        text = f"{'true' if fact['true'] else 'false'}: {fact['says']}{found}"
        yield Words(escaped(text), 14, RIGHT if fact["true"] else QUIET, 3)
    if not why.facts and hit.because:
        yield Words(escaped(hit.because), 13, QUIET, 4)
    if why.unmeasured:
        yield Words(f"and {why.unmeasured} more words, which were not measured", 13, QUIET, 2)
