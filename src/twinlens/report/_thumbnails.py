"""Pictures and captions made ready to be shown; a picture that cannot be shown becomes the words that say why."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from statistics import median

from PIL import Image

from twinlens.core.types import Picture, Sample
from twinlens.media import images

WIDE = 2.2
"""Width / height from which pictures count as wide, as NLVR's are, and are given wider cards."""


def thumbnail(picture: Picture, longest: int) -> Image.Image | str:
    """The picture in RGB with no side longer than `longest` pixels, or the words that say why it cannot be shown."""
    try:
        image = images.load(picture, near=(longest, longest))
    except images.BadPicture as error:
        return printable(str(error).replace(str(picture), picture.name) if isinstance(picture, Path) else str(error))
    return image if max(image.size) <= longest else resized(image, (longest, longest))


def usual_shape(pictures: Iterable[Image.Image]) -> float:
    """The median of width / height; 1 where there is no picture."""
    return median([picture.width / picture.height for picture in pictures] or [1.0])


def resized(image: Image.Image, box: tuple[int, int]) -> Image.Image:
    """The whole picture, smaller or larger, as large as `box` (width, height in pixels) allows."""
    scale = min(box[0] / image.width, box[1] / image.height)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, Image.Resampling.LANCZOS)


def caption(sample: Sample) -> str:
    """What to write under a gallery entry: its caption, or its id where it has none."""
    return sentence(sample) or printable(sample.id)


def sentence(sample: Sample) -> str:
    """A sample's words on one line."""
    return printable(" ".join(sample.text.split()))


def printable(text: str) -> str:
    """The text with what no font and no file can hold (bytes of odd file names) as question marks."""
    return text.encode("utf-8", "replace").decode("utf-8")
