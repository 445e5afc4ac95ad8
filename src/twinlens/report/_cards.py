"""Cards of results: a picture on a tile, a line with rank and score, and a text below.

A picture that cannot be read is replaced by the reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from statistics import median
from typing import TypeAlias

from PIL import Image, ImageDraw, ImageFont
from PIL.ImageFont import FreeTypeFont

from twinlens.core.escaping import ELLIPSIS, escaped, shortened, shortened_within
from twinlens.core.types import Picture, Sample
from twinlens.media import images, moments

Color: TypeAlias = "tuple[int, int, int]"

PAGE, CARD, TILE, BORDER = (247, 247, 245), (255, 255, 255), (242, 242, 239), (230, 230, 226)
INK, QUIET, ACCENT, TRACK = (31, 35, 40), (108, 113, 120), (0, 114, 178), (233, 233, 228)
RIGHT = (0, 130, 92)
"""Colour of answers that are known to be right."""
PADDING = 14
LONGEST = 1000
"""Characters of a text that grid and page show."""
WIDE = 2.2
"""Least width / height of wide pictures, such as NLVR's, which get wider cards."""
FONTS = ("~/.fonts", "~/.local/share/fonts", "/usr/share/fonts", "/usr/local/share/fonts", "~/Library/Fonts",
         "/Library/Fonts", "/System/Library/Fonts", "C:/Windows/Fonts")  # fmt: skip
"""Folders where systems keep fonts."""
_BAR = 4
_SUPERSAMPLING = 4  # Pillow draws without antialiasing: rounded shapes are drawn this much larger, then reduced
_NO_CHARACTER = "\U0010ffff"  # never a character: every font draws its "missing" box for it


@dataclass(frozen=True)
class Words:
    """A text set in lines: its size in pixels, its colour, and the most lines that it may take.

    is_path: it takes one line, and is shortened in its middle.
    """

    text: str
    size: int
    color: Color = INK
    most: int = 3
    is_path: bool = False

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
        font = font_for(self.text, self.size)
        return [_fitted(self.text, font, width)] if self.is_path else wrap(self.text, font, width, most=self.most)


@dataclass(frozen=True)
class Card:
    """One entry. content: its picture, or words in its place. below: the texts below. score: None for the query.

    share: the length of the score's bar, 0 to 1. is_right: it is known to be a right answer, and is framed so.
    """

    content: Image.Image | Words
    label: str
    below: tuple[Words, ...] = ()
    score: float | None = None
    share: float = 0.0
    is_right: bool = False

    def tile(self, width: int) -> int:
        """Return the height in pixels of the picture's tile when the card is `width` wide; for words at most 3:2."""
        inner = width - 2 * PADDING
        if isinstance(self.content, Words):
            return min(round(inner / 1.5), self.content.height(inner - 32) + 40)
        return min(inner, round(inner * self.content.height / self.content.width))

    def height(self, width: int, tile: int) -> int:
        """Return the height in pixels of the card with a tile of this height."""
        below = sum(words.height(width - 2 * PADDING) for words in self.below)
        return PADDING + tile + self._head + below + PADDING

    def draw(self, size: tuple[int, int], tile: int) -> Image.Image:
        """Draw the card, `size` (width, height) in pixels, on the page's colour."""
        inner = size[0] - 2 * PADDING
        canvas = Image.new("RGB", size, PAGE)
        border, width = (RIGHT, 3) if self.is_right else (ACCENT if self.score is None else BORDER, 1)
        panel(canvas, (0, 0, *size), 12, border)
        panel(canvas, (width, width, size[0] - width, size[1] - width), 12 - width, CARD)
        self._draw_tile(canvas, inner, tile)
        self._draw_head(canvas, PADDING + tile, inner)
        top = PADDING + tile + self._head
        for words in self.below:
            words.draw(canvas, (PADDING, top), inner)
            top += words.height(inner)
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
        pen.text((PADDING, top + 12), self.label, font=font_for(self.label, 19), fill=RIGHT if self.is_right else INK)
        pen.text((right, top + 13), f"{self.score:.3f}", font=font_for("0", 17), fill=QUIET, anchor="ra")
        bar = (PADDING, top + 40, right, top + 40 + _BAR)
        panel(canvas, bar, _BAR // 2, TRACK)
        reach = round(width * self.share)
        if reach >= _BAR:
            panel(canvas, (*bar[:2], PADDING + reach, bar[3]), _BAR // 2, ACCENT)


def panel(canvas: Image.Image, box: tuple[int, int, int, int], radius: int, color: Color) -> None:
    """Draw a rectangle with round corners: left, top, right and bottom in pixels."""
    size = (box[2] - box[0], box[3] - box[1])
    canvas.paste(color, box, _rounded(size, radius))


@cache
def _rounded(size: tuple[int, int], radius: int) -> Image.Image:
    """Draw an antialiased mask with round corners."""
    large = Image.new("L", (size[0] * _SUPERSAMPLING, size[1] * _SUPERSAMPLING))
    box = (0, 0, large.width - 1, large.height - 1)
    ImageDraw.Draw(large).rounded_rectangle(box, radius * _SUPERSAMPLING, fill=255)
    return large.resize(size, Image.Resampling.BOX)


def font_for(text: str, size: int) -> FreeTypeFont:
    """Choose Pillow's own font if it has every letter, else the first installed one that has, else the one with most.

    size in pixels. Letters missing in the font are drawn as boxes.
    """
    letters = sorted(set(text) - {" "})
    best, most = _built_in(size), -1
    for font in _candidates(size):
        count = sum(_has(font, letter) for letter in letters)
        if count > most:
            best, most = font, count
        if most == len(letters):
            break
    return best


def wrap(text: str, font: FreeTypeFont, width: int, *, most: int) -> list[str]:
    """Break a text into at most `most` lines of `width` pixels, the last with "…" if it is longer.

    Words that are wider than a line are broken between letters.
    """
    lines: list[str] = []
    for piece in _pieces(text, font, width):
        longer = f"{lines[-1]} {piece}" if lines else piece
        if lines and font.getlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(piece)
    if len(lines) > most:
        lines[most - 1 :] = [_shortened(lines[most - 1], font, width)]
    return lines


def _pieces(text: str, font: FreeTypeFont, width: int) -> Iterator[str]:
    """Split a text into words, and words wider than a line (file names; scripts without spaces) into parts."""
    for word in text.split():
        piece = ""
        for letter in word:
            if piece and font.getlength(piece + letter) > width:
                yield piece
                piece = ""
            piece += letter
        yield piece


def _shortened(line: str, font: FreeTypeFont, width: int) -> str:
    while line and font.getlength(line + ELLIPSIS) > width:
        line = line[:-1]
    return line.rstrip() + ELLIPSIS


def _fitted(path: str, font: FreeTypeFont, width: int) -> str:
    """Shorten a path in its middle to `width` pixels."""
    limit = len(path)
    while limit > 1 and font.getlength(shortened_within(path, limit)) > width:
        limit -= 1
    return shortened_within(path, limit)


def _candidates(size: int) -> Iterator[FreeTypeFont]:
    yield _built_in(size)
    for path in _font_files():
        try:
            yield _opened(path, round(size * 0.92))  # installed fonts look larger than the built-in one
        except OSError:  # bitmap fonts come in fixed sizes only
            continue


@cache
def _built_in(size: int) -> FreeTypeFont:
    font = ImageFont.load_default(size)
    if not isinstance(font, FreeTypeFont):
        raise TypeError("Pillow was built without FreeType, which draws the letters of reports")
    return font


@cache
def _opened(path: str, size: int) -> FreeTypeFont:
    return ImageFont.truetype(path, size)


@cache
def _font_files() -> tuple[str, ...]:
    """List the machine's fonts: matplotlib's own if there is one, then upright sans serifs before others."""

    def oddity(path: str) -> tuple[int, str]:
        return sum(word in Path(path).stem for word in ("Bold", "Italic", "Oblique", "Serif", "Mono")), path

    try:
        from matplotlib import font_manager, get_data_path  # half a second, and few captions need it
    except ImportError:
        found = [str(path) for folder in FONTS for path in Path(folder).expanduser().rglob("*.[to]tf")]
        return tuple(sorted(found, key=oddity))
    shipped = str(Path(get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf")
    return (shipped, *sorted(font_manager.findSystemFonts(), key=oddity))


@lru_cache(maxsize=16_384)
def _has(font: FreeTypeFont, letter: str) -> bool:
    return bytes(font.getmask(letter)) != _missing(font)


@lru_cache(maxsize=256)
def _missing(font: FreeTypeFont) -> bytes:
    """Draw the box that a font has for letters that it lacks."""
    return bytes(font.getmask(_NO_CHARACTER))


def thumbnail(picture: Picture, longest: int) -> Image.Image | str:
    """Load a picture in RGB with no side longer than `longest` pixels, or return the reason why it cannot be read."""
    try:
        image = images.load(picture, near=(longest, longest))
    except images.BadPicture as error:
        return escaped(
            str(error).replace(str(picture), moments.label(picture)) if isinstance(picture, Path) else str(error)
        )
    return image if max(image.size) <= longest else resized(image, (longest, longest))


def usual_shape(pictures: Iterable[Image.Image]) -> float:
    """Return the median of width / height; 1 without pictures."""
    return median([picture.width / picture.height for picture in pictures] or [1.0])


def resized(image: Image.Image, box: tuple[int, int]) -> Image.Image:
    """Resize a picture, down or up, to fit `box` (width, height in pixels)."""
    scale = min(box[0] / image.width, box[1] / image.height)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, Image.Resampling.LANCZOS)


def sentence(sample: Sample) -> str:
    """Return a sample's text on one line, `escaped`, the end of a long one cut off."""
    return escaped(shortened(" ".join(sample.text.split()), LONGEST))
