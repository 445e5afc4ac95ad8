"""Cards of the result grid: a picture on a tile, a line with rank and score, and a text below."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

from PIL import Image, ImageDraw

from twinlens.report._thumbnails import resized
from twinlens.report._type import font_for, wrap

Color: TypeAlias = "tuple[int, int, int]"

PAGE, CARD, TILE, BORDER = (247, 247, 245), (255, 255, 255), (242, 242, 239), (230, 230, 226)
INK, QUIET, ACCENT, TRACK = (31, 35, 40), (108, 113, 120), (0, 114, 178), (233, 233, 228)
PADDING = 14
_BAR = 4
_SUPERSAMPLING = 4  # Pillow draws without antialiasing: rounded shapes are drawn this much larger, then reduced


@dataclass(frozen=True)
class Words:
    """A text set in lines: its size in pixels, its colour, and the most lines that it may take."""

    text: str
    size: int
    color: Color = INK
    most: int = 3

    def height(self, width: int) -> int:
        """Return the height in pixels of the lines when they may be `width` wide."""
        return len(self._lines(width)) * self._pitch

    def draw(self, canvas: Image.Image, corner: tuple[int, int], width: int) -> None:
        """Draw the lines from their upper left corner down."""
        pen, font = ImageDraw.Draw(canvas), font_for(self.text, self.size)
        for n, line in enumerate(self._lines(width)):
            pen.text((corner[0], corner[1] + n * self._pitch), line, font=font, fill=self.color)

    @property
    def _pitch(self) -> int:
        return round(self.size * 1.4)

    def _lines(self, width: int) -> list[str]:
        return wrap(self.text, font_for(self.text, self.size), width, most=self.most)


@dataclass(frozen=True)
class Card:
    """One entry. content: its picture, or words in its place. words: the text below. score: None for the query."""

    content: Image.Image | Words
    label: str
    words: Words | None = None
    score: float | None = None

    def tile(self, width: int) -> int:
        """Return the height in pixels of the picture's tile when the card is `width` wide; 3:2 for words."""
        inner = width - 2 * PADDING
        if isinstance(self.content, Words):
            return round(inner / 1.5)
        return min(inner, round(inner * self.content.height / self.content.width))

    def height(self, width: int, tile: int) -> int:
        """Return the height in pixels of the card with a tile of this height."""
        words = self.words.height(width - 2 * PADDING) if self.words else 0
        return PADDING + tile + self._head + words + PADDING

    def draw(self, size: tuple[int, int], tile: int) -> Image.Image:
        """Draw the card, `size` (width, height) in pixels, on the page's colour."""
        inner = size[0] - 2 * PADDING
        canvas = Image.new("RGB", size, PAGE)
        _panel(canvas, (0, 0, *size), 12, ACCENT if self.score is None else BORDER)
        _panel(canvas, (1, 1, size[0] - 1, size[1] - 1), 11, CARD)
        self._draw_tile(canvas, inner, tile)
        self._draw_head(canvas, PADDING + tile, inner)
        if self.words:
            self.words.draw(canvas, (PADDING, PADDING + tile + self._head), inner)
        return canvas

    def _draw_tile(self, canvas: Image.Image, width: int, height: int) -> None:
        tile = Image.new("RGB", (width, height), TILE)
        if isinstance(self.content, Words):
            self.content.draw(tile, (16, (height - self.content.height(width - 32)) // 2), width - 32)
        else:
            picture = resized(self.content, (width, height))
            tile.paste(picture, ((width - picture.width) // 2, (height - picture.height) // 2))
        canvas.paste(tile, (PADDING, PADDING), _rounded((width, height), 6))

    @property
    def _head(self) -> int:
        return 40 if self.score is None else 56

    def _draw_head(self, canvas: Image.Image, top: int, width: int) -> None:
        pen, right = ImageDraw.Draw(canvas), PADDING + width
        if self.score is None:
            pen.text((PADDING, top + 15), self.label, font=font_for(self.label, 15), fill=ACCENT)
            return
        pen.text((PADDING, top + 12), self.label, font=font_for(self.label, 19), fill=INK)
        pen.text((right, top + 13), f"{self.score:.3f}", font=font_for("0", 17), fill=QUIET, anchor="ra")
        bar = (PADDING, top + 40, right, top + 40 + _BAR)
        _panel(canvas, bar, _BAR // 2, TRACK)
        reach = round(width * min(1.0, max(0.0, self.score)))
        if reach >= _BAR:
            _panel(canvas, (*bar[:2], PADDING + reach, bar[3]), _BAR // 2, ACCENT)


def _panel(canvas: Image.Image, box: tuple[int, int, int, int], radius: int, color: Color) -> None:
    size = (box[2] - box[0], box[3] - box[1])
    canvas.paste(color, box, _rounded(size, radius))


@cache
def _rounded(size: tuple[int, int], radius: int) -> Image.Image:
    """Draw an antialiased mask with round corners."""
    large = Image.new("L", (size[0] * _SUPERSAMPLING, size[1] * _SUPERSAMPLING))
    box = (0, 0, large.width - 1, large.height - 1)
    ImageDraw.Draw(large).rounded_rectangle(box, radius * _SUPERSAMPLING, fill=255)
    return large.resize(size, Image.Resampling.BOX)
