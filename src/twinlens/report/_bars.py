"""Shares of a score as bars around zero, and words tinted by their effects."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from PIL import Image, ImageDraw

from twinlens.core.escaping import escaped
from twinlens.core.explanation import Share, WordEffect
from twinlens.report._cards import ACCENT, CARD, INK, QUIET, TRACK, Color, font_for, panel

LOWERS = (213, 94, 0)
"""Colour of what lowers a score; blue, which is as clear to the colour-blind, is of what raises it."""
BAR_PITCH, BAR = 32, 14
LABEL, VALUE = 124, 68  # widths of a bar's name and of its number
LABELS = {"both": "picture + words"}
"""Names of shares where that of the record is short."""
NEGATIVE = "without"
LABEL_OF_WORDS = 58
CHIP_PITCH, CHIP = 52, 28
_PAD, _GAP = 7, 6


def draw_bars(canvas: Image.Image, corner: tuple[int, int], width: int, shares: Sequence[Share], most: float) -> int:
    """Draw a line for each share; `most` fills half of the width. Return the height in pixels."""
    pen, (left, top) = ImageDraw.Draw(canvas), corner
    start, end = left + LABEL, left + width - VALUE
    zero, reach = (start + end) // 2, (end - start) // 2
    for n, share in enumerate(shares):
        middle = top + n * BAR_PITCH + BAR_PITCH // 2
        label = LABELS.get(share.part, share.part)
        pen.text((left, middle), label, font=font_for(label, 15), fill=INK, anchor="lm")
        panel(canvas, (start, middle - BAR // 2, end, middle + BAR // 2), 3, TRACK)
        length = round(reach * min(1.0, abs(share.score) / most)) if most > 0 else 0
        ends = (zero, zero + length) if share.score >= 0 else (zero - length, zero)
        if length:
            box = (ends[0], middle - BAR // 2, ends[1], middle + BAR // 2)
            panel(canvas, box, min(3, length // 2), _colour(share.score))
        pen.line((zero, middle - BAR // 2 - 3, zero, middle + BAR // 2 + 3), fill=QUIET)
        pen.text((left + width, middle), _signed(share.score, 3), font=font_for("0", 15), fill=QUIET, anchor="rm")
    return len(shares) * BAR_PITCH


class Chip(NamedTuple):
    """A word in its place: left and line of chips, its width in pixels; label: a text in front of the line."""

    word: WordEffect
    left: int
    line: int
    width: int
    label: str = ""


def chips(words: Sequence[WordEffect], width: int) -> list[Chip]:
    """Set words in lines of a width in pixels; those that count against an answer begin a line of their own."""
    placed, left, line = list[Chip](), 0, 0
    for word, needed in _widths(words):
        starts = bool(placed) and placed[-1].word.where != word.where
        if starts or (left and left + needed > width):
            left, line = 0, line + 1
        label = NEGATIVE if word.where == NEGATIVE and (starts or not placed) else ""
        left = LABEL_OF_WORDS if label else left
        placed.append(Chip(word, left, line, min(needed, width), label))
        left += needed + _GAP
    return placed


def draw_chips(canvas: Image.Image, corner: tuple[int, int], placed: Sequence[Chip], most: float) -> int:
    """Draw words, each on its colour with its effect below; `most` has the full colour. Return the height in pixels."""
    pen = ImageDraw.Draw(canvas)
    for word, left, line, width, label in placed:
        if label:
            at = (corner[0], corner[1] + line * CHIP_PITCH + CHIP // 2)
            pen.text(at, label, font=font_for(label, 14), fill=QUIET, anchor="lm")
        x, y = corner[0] + left, corner[1] + line * CHIP_PITCH
        strength = min(1.0, abs(word.effect) / most) if most > 0 else 0.0
        panel(canvas, (x, y, x + width, y + CHIP), 6, _tint(_colour(word.effect), strength))
        text = escaped(word.word)
        ink = CARD if strength > 0.6 else INK
        pen.text((x + width // 2, y + CHIP // 2), text, font=font_for(text, 16), fill=ink, anchor="mm")
        effect = _signed(word.effect, 2)
        pen.text((x + width // 2, y + CHIP + 3), effect, font=font_for("0", 12), fill=QUIET, anchor="ma")
    return chips_height(placed)


def chips_height(placed: Sequence[Chip]) -> int:
    """Return the height of lines of words in pixels."""
    return (placed[-1].line + 1) * CHIP_PITCH if placed else 0


def _widths(words: Sequence[WordEffect]) -> Iterator[tuple[WordEffect, int]]:
    for word in words:
        text = escaped(word.word)
        number = font_for("0", 12).getlength(_signed(word.effect, 2))
        yield word, round(max(font_for(text, 16).getlength(text) + 2 * _PAD, number + 4))


def _signed(value: float, digits: int) -> str:
    """Write a number with its sign; one that rounds to zero is above it."""
    return f"{round(value, digits) + 0.0:+.{digits}f}"


def _colour(value: float) -> Color:
    return ACCENT if value >= 0 else LOWERS


def _tint(colour: Color, strength: float) -> Color:
    """Mix a colour with the card's white."""
    red, green, blue = (round(255 + (band - 255) * (0.08 + 0.92 * strength)) for band in colour)
    return red, green, blue
