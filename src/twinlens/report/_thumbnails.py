"""Pictures and captions prepared for display; a picture that cannot be read is replaced by the reason."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from statistics import median

from PIL import Image

from twinlens.core.escaping import escaped, shortened
from twinlens.core.types import Picture, Sample
from twinlens.media import images

LONGEST = 1000
"""Characters of a text that grid and page show."""
WIDE = 2.2
"""Least width / height of wide pictures, such as NLVR's, which get wider cards."""


def thumbnail(picture: Picture, longest: int) -> Image.Image | str:
    """Load a picture in RGB with no side longer than `longest` pixels, or return the reason why it cannot be read."""
    try:
        image = images.load(picture, near=(longest, longest))
    except images.BadPicture as error:
        return escaped(str(error).replace(str(picture), picture.name) if isinstance(picture, Path) else str(error))
    return image if max(image.size) <= longest else resized(image, (longest, longest))


def usual_shape(pictures: Iterable[Image.Image]) -> float:
    """Return the median of width / height; 1 without pictures."""
    return median([picture.width / picture.height for picture in pictures] or [1.0])


def resized(image: Image.Image, box: tuple[int, int]) -> Image.Image:
    """Resize a picture, down or up, to fit `box` (width, height in pixels)."""
    scale = min(box[0] / image.width, box[1] / image.height)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, Image.Resampling.LANCZOS)


def caption(sample: Sample) -> str:
    """Return the text below a gallery entry: its caption, or else its id."""
    return sentence(sample) or escaped(sample.id)


def sentence(sample: Sample) -> str:
    """Return a sample's text on one line, `escaped`, the end of a long one cut off."""
    return escaped(shortened(" ".join(sample.text.split()), LONGEST))
