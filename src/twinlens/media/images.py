"""The one image loader: allow-listed formats, upright, on white, in RGB, within limits; or one line on why not."""

from __future__ import annotations

import warnings
from pathlib import Path
from threading import Lock
from typing import BinaryIO

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from twinlens.core.types import Picture, TwinlensError
from twinlens.media import formats, moments, sources
from twinlens.media.formats import MissingDecoder, open_image
from twinlens.media.mending import DAMAGE, with_its_end, without_texts

MAX_PIXELS = 178_956_970
"""The default limit, which is also where Pillow refuses on its own; a higher `max_pixels` changes nothing."""
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF orientation (TIFF 6.0, tag 274) → what puts the picture upright."""


class BadPicture(TwinlensError):  # noqa: N818 - it is the picture that is bad
    """A picture cannot be used; the message is one line that names it and gives the reason."""


class _Damaged(BadPicture):
    """A picture that was opened, and whose file is damaged or truncated further on."""


class _Quiet:
    """Silences Pillow's warnings while any thread decodes.

    `catch_warnings` alone would restore another thread's filters when threads overlap, and leave them silenced.
    """

    def __init__(self) -> None:
        self.lock = Lock()
        self.depth = 0
        self.filters = warnings.catch_warnings()

    def __enter__(self) -> None:
        with self.lock:
            if self.depth == 0:
                self.filters = warnings.catch_warnings()
                self.filters.__enter__()
                warnings.filterwarnings("ignore", module=r"PIL\.")
            self.depth += 1

    def __exit__(self, *_: object) -> None:
        with self.lock:
            self.depth -= 1
            if self.depth == 0:
                self.filters.__exit__(None, None, None)


_quiet = _Quiet()


def load(
    picture: Picture,
    *,
    near: tuple[int, int] | None = None,
    max_pixels: int = MAX_PIXELS,
    max_bytes: int | None = None,
) -> Image.Image:
    """Load a picture in RGB: upright (EXIF orientation applied), transparency on white, first frame of animations.

    near: (width, height) in pixels that the caller will resize to; a JPEG may then be decoded at 1/2, 1/4 or 1/8 of
    its size, which is about twice as fast, but never below `near`. Grey of 16 bits is scaled to 8 bits by 65535, of 12
    in 16 by 4095, of 32 bits by its own range. max_bytes: of the file; by default the limit of its format. Raises
    BadPicture: no such file, not a picture, damaged, too many pixels or bytes, of a format whose decoder is missing.
    """
    if isinstance(picture, Path):
        try:
            with _open(picture, max_bytes) as file:
                return decode(file, str(picture), near=near, max_pixels=max_pixels)
        except OSError as error:
            raise BadPicture(f"{picture}: cannot be read: {error.strerror or error}") from error
    image = picture if isinstance(picture, Image.Image) else picture()
    with _quiet:
        return _finish(image, "the picture in memory", max_pixels)


def decode(
    file: BinaryIO, name: str, *, near: tuple[int, int] | None = None, max_pixels: int = MAX_PIXELS
) -> Image.Image:
    """Decode an open binary file as `load` does; `name` stands in error messages."""
    with _quiet:
        try:
            image = open_image(file, name)
        except MissingDecoder as error:
            raise BadPicture(f"{name}: {error}") from error
        except UnidentifiedImageError as error:
            raise BadPicture(
                f"{name}: is no picture that can be read (known: {', '.join(formats.pillow_names())})"
            ) from error
        except Image.DecompressionBombError as error:
            raise BadPicture(f"{name}: has more than {min(max_pixels, MAX_PIXELS):,} pixels") from error
        except DAMAGE as error:
            raise BadPicture(f"{name}: is damaged: {_line(error)}") from error
        try:
            return _finish(image, name, max_pixels, near)
        except _Damaged:
            mended = with_its_end(file) or without_texts(file)
            if mended is None:
                raise
            return _finish(mended, name, max_pixels, near)


def _open(path: Path, max_bytes: int | None) -> BinaryIO:
    size = sources.status(path).size
    max_bytes = formats.max_bytes(moments.file_of(path).name) if max_bytes is None else max_bytes
    if sources.is_shard(path):
        raise BadPicture(f"{path}: {sources.read_shard(path).fault or 'is a tar, not a picture'}")
    if sources.is_packed(path):
        raise BadPicture(
            f"{path}: is a compressed tar, in which no picture can be read by itself; unpack it: gunzip FILE"
        )
    if size == 0:
        raise BadPicture(f"{path}: is empty")
    if size > max_bytes:
        raise BadPicture(f"{path}: has {size:,} bytes, more than {max_bytes:,}")
    return sources.open_file(path)


def _finish(image: Image.Image, name: str, max_pixels: int, near: tuple[int, int] | None = None) -> Image.Image:
    width, height = image.size
    if width * height > max_pixels:
        raise BadPicture(f"{name}: has {width:,}×{height:,} pixels, more than {max_pixels:,}")
    if width * height == 0:
        raise BadPicture(f"{name}: has no pixels")
    try:
        if near is not None:
            _draft(image, near)
        image.load()
        return _rgb(_upright(image))
    except DAMAGE as error:
        raise _Damaged(f"{name}: is truncated or damaged: {_line(error)}") from error


def _draft(image: Image.Image, near: tuple[int, int]) -> None:
    sideways = _orientation(image) >= 5
    image.draft(None, near[::-1] if sideways else near)


def _upright(image: Image.Image) -> Image.Image:
    """Turn a picture by its orientation tag alone, whatever else its EXIF says, and let it forget the tag."""
    orientation = _orientation(image)
    if orientation == 1:
        return image
    turned = image.transpose(_TURNS[orientation])
    turned.info = {key: value for key, value in image.info.items() if key == "transparency"}
    return turned


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation, 1 (upright) to 8; 1 where the tag is missing or unreadable: the pixels are good."""
    try:
        value = image.getexif().get(ExifTags.Base.Orientation, 1)
    except DAMAGE:
        return 1
    return value if value in range(1, 9) else 1


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return _grey(image).convert("RGB")
    if not image.has_transparency_data:
        return image.convert("RGB")
    layer = image if image.mode == "RGBA" else image.convert("RGBA")
    alpha = layer.getchannel("A")
    if alpha.getextrema() == (255, 255):  # most alpha channels hide nothing, and this is several times faster
        return layer.convert("RGB")
    canvas = Image.new("RGB", image.size, "white")
    canvas.paste(layer, mask=alpha)
    return canvas


def _grey(image: Image.Image) -> Image.Image:
    """Scale grey of 16 or 32 bits to 8 bits.

    White is 65535 where values fit 16 bits, 4095 where they fit 12 and not 8, as sensors and scanners write them, and
    else the picture's maximum.
    """
    values = np.nan_to_num(np.asarray(image, dtype=np.float32), posinf=0.0, neginf=0.0)
    low, high = float(values.min()), float(values.max())
    if image.mode != "F" and low >= 0 and high <= 65535:
        low, high = 0.0, 4095.0 if 255 < high <= 4095 else 65535.0
    return Image.fromarray(((values - low) * (255 / max(high - low, 1e-12)) + 0.5).astype(np.uint8))


def _line(error: BaseException) -> str:
    """Return an error's text on one line, or its kind when it has none."""
    return " ".join(str(error).split()) or type(error).__name__
