"""Pictures in terminals, by the graphics protocols of kitty and iTerm2 or by DEC's sixels."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise

import numpy as np
from PIL import Image

COLORS = 255
"""Sixel colour registers, as many as every terminal has."""
CELL = 8
"""Least width of a column of text in pixels."""
_CHUNK = 4096  # most characters that kitty reads at once


def protocol(environment: Mapping[str, str]) -> str | None:
    """Detect the terminal's graphics protocol: "kitty", "iterm2", "sixel", or None, as within tmux and screen."""
    term, program = environment.get("TERM", ""), environment.get("TERM_PROGRAM", "")
    if environment.get("TMUX") or term.startswith(("screen", "tmux")):
        return None
    if environment.get("KITTY_WINDOW_ID") or term in ("xterm-kitty", "xterm-ghostty") or program == "ghostty":
        return "kitty"
    if program in ("iTerm.app", "WezTerm", "mintty") or environment.get("LC_TERMINAL") == "iTerm2":
        return "iterm2"
    if term.startswith(("foot", "mlterm", "contour", "yaft")) or "sixel" in term:
        return "sixel"
    return None


def encoded(image: Image.Image, kind: str, columns: int) -> str:
    """Encode a picture in RGB for display at the cursor, at most `columns` characters wide, and a line break."""
    shrunk = image
    if image.width > columns * CELL:
        shrunk = image.resize((columns * CELL, max(1, round(image.height * columns * CELL / image.width))))
    return _ENCODERS[kind](shrunk) + "\n"


def _kitty(image: Image.Image) -> str:
    """Encode for kitty: transmit and display (a=T) a PNG (f=100) in chunks, m=1 on all but the last."""
    data = _png(image)
    pieces = [data[n : n + _CHUNK] for n in range(0, len(data), _CHUNK)]
    last = len(pieces) - 1
    keys = [f"{'a=T,f=100,q=2,' if n == 0 else ''}m={int(n != last)}" for n in range(len(pieces))]
    return "".join(f"\033_G{key};{piece}\033\\" for key, piece in zip(keys, pieces, strict=True))


def _iterm2(image: Image.Image) -> str:
    """Encode as an inline image of iTerm2: OSC 1337, File."""
    data = _png(image)
    size = len(base64.b64decode(data))
    return f"\033]1337;File=inline=1;size={size};width={image.width}px;preserveAspectRatio=1:{data}\a"


def _sixel(image: Image.Image) -> str:
    """Encode as sixels: in bands of six rows, for every colour, a character per column is the mask of its rows."""
    flat = image.quantize(COLORS)
    values, palette = np.asarray(flat), (flat.getpalette() or [])[: 3 * COLORS]
    registers = [
        f"#{n};2;{r * 100 // 255};{g * 100 // 255};{b * 100 // 255}"
        for n, (r, g, b) in enumerate(zip(palette[::3], palette[1::3], palette[2::3], strict=True))
    ]
    bands = [values[top : top + 6] for top in range(0, image.height, 6)]
    body = "-".join("$".join(_band(band)) for band in bands)
    return f'\033Pq"1;1;{image.width};{image.height}{"".join(registers)}{body}\033\\'


def _band(rows: np.ndarray[tuple[int, int], np.dtype[np.uint8]]) -> Iterator[str]:
    weights = 1 << np.arange(len(rows))
    for color in np.unique(rows):
        bits = weights @ (rows == color)
        starts = [0, *(np.flatnonzero(np.diff(bits)) + 1).tolist(), len(bits)]
        repeats = pairwise(starts)
        yield f"#{color}" + "".join(_repeated(chr(63 + int(bits[a])), b - a) for a, b in repeats)


def _repeated(character: str, count: int) -> str:
    return f"!{count}{character}" if count > 3 else character * count


def _png(image: Image.Image) -> str:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode("ascii")


_ENCODERS: Mapping[str, Callable[[Image.Image], str]] = {"kitty": _kitty, "iterm2": _iterm2, "sixel": _sixel}
