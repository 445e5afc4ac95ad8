"""The one image loader: allow-listed formats, upright, on white, in RGB, within limits; or one line on why not."""

from __future__ import annotations

import logging
import os
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path, PurePath
from threading import Lock
from typing import BinaryIO

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError, features

from twinlens.core.escaping import escaped
from twinlens.core.types import Picture, TwinlensError
from twinlens.media import sources
from twinlens.media.opening import DAMAGE, FORMATS, open_image, with_its_end, without_texts

MAX_PIXELS = 178_956_970
"""The default limit, which is also where Pillow refuses on its own; a higher `max_pixels` changes nothing."""
MAX_BYTES = 512 * 2**20
SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".webp", ".gif", ".bmp", ".dib", ".tif", ".tiff"}
    | ({".avif"} if features.check("avif") else set())
)
"""Names that `find` takes for pictures, in lower case; `load` looks at the content alone."""

UNREAD = frozenset(
    {".avif", ".heic", ".heif", ".jp2", ".jxl", ".psd", ".svg"}
    | {".arw", ".cr2", ".cr3", ".dng", ".nef", ".orf", ".raf", ".rw2"}  # raw
).difference(SUFFIXES)
"""Names of pictures that cannot be read, in lower case: `find` counts them, so that nobody misses them unawares."""

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
_log = logging.getLogger(__name__)


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
    max_bytes: int = MAX_BYTES,
) -> Image.Image:
    """Load a picture in RGB: upright (EXIF orientation applied), transparency on white, first frame of animations.

    near: (width, height) in pixels that the caller will resize to; a JPEG may then be decoded at 1/2, 1/4 or 1/8 of
    its size, which is about twice as fast, but never below `near`. Grey of 16 bits is scaled to 8 bits by 65535, grey
    of 32 bits by its own range. Raises BadPicture: no such file, not a picture, damaged, too many pixels or bytes.
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
            image = open_image(file)
        except UnidentifiedImageError as error:
            raise BadPicture(f"{name}: is no picture that can be read (known: {', '.join(FORMATS)})") from error
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


def find(
    folder: Path, *, passed: Counter[str] | None = None, tell: Callable[[OSError], None] | None = None
) -> list[Path]:
    """Find every picture below a folder or in a tar shard by its suffix, sorted by path; hidden ones are skipped.

    Linked folders are followed, each real folder once, so that loops end. Shards are looked into; a damaged or
    compressed one is found itself, and fails when it is loaded. `passed` counts pictures of formats that are not read,
    by the ends of their names. tell: is given the error of each subfolder that cannot be read; without it these are
    logged. Raises TwinlensError when there is no such folder, when it is a file, or when it holds no picture.
    """
    passed = Counter() if passed is None else passed
    if sources.is_shard(folder):
        found = list(_in_shard(folder))
    elif folder.is_dir():
        found = [
            path
            for where, names in walk(folder, tell=tell or _log_unreadable)
            for name in names
            for path in _pictures(where, name, passed)
        ]
    else:
        raise TwinlensError(f"{folder} is not a folder" if folder.exists() else f"there is no folder {folder}")
    if not found:
        other = f"; {unread(passed)}" if passed else ""
        raise TwinlensError(f"there are no pictures in {folder} (looked for {', '.join(sorted(SUFFIXES))}){other}")
    return [Path(path) for path in sorted(found)]


def unread(passed: Mapping[str, int]) -> str:
    """Describe in a line the pictures that `find` has skipped."""
    counts = ", ".join(f"{count:,} {ending}" for ending, count in sorted(passed.items()))
    return f"passed over {counts}: such pictures are not read, convert them to JPEG or PNG"


def _pictures(where: str, name: str, passed: Counter[str]) -> Iterator[str]:
    if _looks_right(name):
        yield f"{where}/{name}"
    elif name.lower().endswith(sources.SUFFIX) and not name.startswith(".") and sources.is_shard(Path(where, name)):
        yield from _in_shard(Path(where, name))
    elif name.lower().endswith(sources.PACKED) and not name.startswith(".") and sources.is_packed(Path(where, name)):
        yield f"{where}/{name}"
    elif (ending := PurePath(name).suffix.lower()) in UNREAD and not name.startswith("."):
        passed[ending] += 1


def _in_shard(path: Path) -> Iterator[str]:
    shard = sources.read_shard(path)
    if shard.fault is not None:
        yield str(path)
    yield from (f"{path}/{name}" for name in shard.parts if _looks_right(PurePath(name).name))


def walk(folder: Path, *, tell: Callable[[OSError], None] | None = None) -> Iterator[tuple[str, list[str]]]:
    """Yield every folder below one with the names of its files; hidden ones are skipped, linked ones visited once.

    tell: is given the error of each that cannot be read.
    """
    seen: set[tuple[int, int]] = set()
    for where, folders, names in os.walk(folder, followlinks=True, onerror=tell):
        try:
            status = Path(where).stat()
        except OSError:  # it has just gone
            continue
        if (key := (status.st_dev, status.st_ino)) in seen:
            folders.clear()
            continue
        seen.add(key)
        # Sorted, so that the same of several names of one folder is taken on every run.
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield where, names


def _log_unreadable(error: OSError) -> None:
    _log.warning("passed over %s: %s", escaped(str(error.filename)), error.strerror)


def _looks_right(name: str) -> bool:
    return not name.startswith(".") and PurePath(name).suffix.lower() in SUFFIXES


def _open(path: Path, max_bytes: int) -> BinaryIO:
    size = sources.status(path).size
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
    """Scale grey of 16 or 32 bits to 8 bits. White is 65535 where values fit 16 bits, else the picture's maximum."""
    values = np.nan_to_num(np.asarray(image, dtype=np.float32), posinf=0.0, neginf=0.0)
    low, high = float(values.min()), float(values.max())
    if image.mode != "F" and low >= 0 and high <= 65535:
        low, high = 0.0, 65535.0
    return Image.fromarray(((values - low) * (255 / max(high - low, 1e-12)) + 0.5).astype(np.uint8))


def _line(error: BaseException) -> str:
    """Return an error's text on one line, or its kind when it has none."""
    return " ".join(str(error).split()) or type(error).__name__
