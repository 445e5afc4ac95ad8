"""Videos that tests draw."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

RATE, SIZE = 5, (64, 48)


def color_at(second: int) -> tuple[int, int, int]:
    rng = np.random.default_rng(second)
    red, green, blue = rng.integers(40, 216, 3).tolist()
    return red, green, blue


def write_video(path: Path, seconds: int, *, start: int = 0, codec: str = "mpeg4") -> Path:
    """A video with a key frame of one colour every second; start: the number of the first colour."""
    av = pytest.importorskip("av", reason="the extra video is not installed")
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=RATE)
        stream.width, stream.height, stream.pix_fmt, stream.gop_size = *SIZE, "yuv420p", RATE
        container.metadata["creation_time"] = "2019-05-03T14:22:10.000000Z"
        for n in range(seconds * RATE):
            image = Image.new("RGB", SIZE, color_at(start + n // RATE))
            for packet in stream.encode(av.VideoFrame.from_image(image)):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return path
