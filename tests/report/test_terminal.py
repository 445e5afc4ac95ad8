from __future__ import annotations

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from twinlens.report.terminal import encoded, protocol


@pytest.mark.parametrize(
    ("environment", "kind"),
    [
        ({"TERM": "xterm-kitty", "KITTY_WINDOW_ID": "1"}, "kitty"),
        ({"TERM": "xterm-ghostty"}, "kitty"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app"}, "iterm2"),
        ({"TERM": "xterm-256color", "LC_TERMINAL": "iTerm2"}, "iterm2"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "WezTerm"}, "iterm2"),
        ({"TERM": "foot"}, "sixel"),
        ({"TERM": "xterm-256color"}, None),
        ({"TERM": "screen-256color", "KITTY_WINDOW_ID": "1"}, None),
        ({"TERM": "xterm-kitty", "TMUX": "/tmp/x"}, None),
        ({}, None),
    ],
)
def test_terminals_are_told_apart_by_what_they_say(environment, kind):
    assert protocol(environment) == kind


@pytest.fixture
def picture():
    """Large enough for several pieces, and with few enough colours for sixels to keep them."""
    values = np.random.default_rng(0).integers(0, 4, (50, 70, 3), dtype=np.uint8) * 85
    return Image.fromarray(values)


def opened(data: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(data)))


def test_kitty_gets_a_png_in_pieces(picture):
    text = encoded(picture, "kitty", 80)
    pieces = re.findall(r"\033_G([^;]*);([A-Za-z0-9+/=]*)\033\\", text)
    assert "".join(f"\033_G{keys};{data}\033\\" for keys, data in pieces) + "\n" == text
    assert len(pieces) > 1 and all(len(data) <= 4096 for _, data in pieces)
    assert pieces[0][0] == "a=T,f=100,q=2,m=1" and pieces[-1][0] == "m=0"
    assert np.array_equal(opened("".join(data for _, data in pieces)), picture)


def test_iterm2_gets_a_png(picture):
    (size, data) = re.fullmatch(
        r"\033]1337;File=inline=1;size=(\d+);[^:]*:([^\a]*)\a\n", encoded(picture, "iterm2", 80)
    ).groups()
    assert len(base64.b64decode(data)) == int(size)
    assert np.array_equal(opened(data), picture)


def unsixel(text: str) -> np.ndarray:
    """The picture that sixels draw, read as the VT330's manual describes them."""
    width, height, body = re.fullmatch(r'\033Pq"1;1;(\d+);(\d+)(.*)\033\\\n', text, re.DOTALL).groups()
    canvas = np.full((int(height) + 6, int(width), 3), -1, dtype=int)
    palette, color, x, top, repeat = {}, 0, 0, 0, 1
    for token in re.findall(r"#\d+;2;\d+;\d+;\d+|#\d+|!\d+|.", body):
        if ";" in token:
            number, _, *levels = map(int, token[1:].split(";"))
            palette[number] = [round(level * 2.55) for level in levels]
        elif token[0] == "#":
            color = int(token[1:])
        elif token[0] == "!":
            repeat = int(token[1:])
        elif token in "$-":
            x, top = 0, top + 6 * (token == "-")
        else:
            for bit in range(6):
                if (ord(token) - 63) >> bit & 1:
                    canvas[top + bit, x : x + repeat] = palette[color]
            x, repeat = x + repeat, 1
    return canvas[: int(height)]


def test_sixels_draw_the_picture(picture):
    assert np.abs(unsixel(encoded(picture, "sixel", 80)) - np.asarray(picture, dtype=int)).max() <= 3


@pytest.mark.parametrize("kind", ["kitty", "iterm2", "sixel"])
def test_no_picture_is_wider_than_the_terminal(picture, kind):
    text = encoded(picture.resize((2000, 100)), kind, 40)
    if kind == "sixel":
        assert unsixel(text).shape[1] == 320
    else:
        data = "".join(re.findall(r"[;:]([A-Za-z0-9+/=]{100,})", text))
        assert opened(data).width == 320
