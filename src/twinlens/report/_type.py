"""Typesetting for drawn reports: a font that has the letters, and lines that fit a width."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

from PIL import ImageFont
from PIL.ImageFont import FreeTypeFont

from twinlens.core.escaping import ELLIPSIS

_NO_CHARACTER = "\U0010ffff"  # never a character: every font draws its "missing" box for it


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
    """List the machine's fonts: matplotlib's own, which has many alphabets, then upright sans serifs before others."""
    from matplotlib import font_manager, get_data_path  # half a second, and few captions need it

    def oddity(path: str) -> tuple[int, str]:
        return sum(word in Path(path).stem for word in ("Bold", "Italic", "Oblique", "Serif", "Mono")), path

    shipped = str(Path(get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf")
    return (shipped, *sorted(font_manager.findSystemFonts(), key=oddity))


def _has(font: FreeTypeFont, letter: str) -> bool:
    return bytes(font.getmask(letter)) != bytes(font.getmask(_NO_CHARACTER))
