"""Raw pictures of cameras: the preview that they carry, as the camera developed it; without one the sensor's pixels."""

from __future__ import annotations

import importlib
import io
from typing import Any, BinaryIO

from PIL import ExifTags, Image

TURNS = {1: 2, 2: 4, 3: 3, 4: 5, 5: 8, 6: 6, 7: 7}
"""LibRaw's flip → EXIF's orientation; scanners and converted files have the mirrored ones."""
SIDEWAYS = 4
"""The bit of LibRaw's flip that exchanges width and height."""


def open_picture(file: BinaryIO, _name: str) -> Image.Image:
    """Return the preview in a raw file, or the picture developed at half its size. Raises OSError where it is damaged.

    The metadata are those of the raw file where it is built like TIFF (DNG, NEF, CR2, ARW), else the preview's.
    """
    rawpy: Any = importlib.import_module("rawpy")
    file.seek(0)
    data = file.read()
    try:
        with rawpy.imread(io.BytesIO(data)) as raw:
            flip = raw.sizes.flip
            try:
                preview = _preview(raw.extract_thumb(), rawpy)
            except (rawpy.LibRawNoThumbnailError, rawpy.LibRawUnsupportedThumbnailError):
                preview, flip = Image.fromarray(raw.postprocess(half_size=True)), 0
    except rawpy.LibRawError as error:
        reason = error.args[0] if error.args else "it is no raw file"
        raise OSError(reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)) from error
    exif = _tags(data) or preview.getexif()
    is_turned = flip & SIDEWAYS and preview.height > preview.width
    exif[ExifTags.Base.Orientation] = 1 if is_turned else TURNS.get(flip, 1)
    preview.info["exif"] = exif.tobytes()
    fresh = Image.Image.copy(preview)  # without the tags that were read before
    fresh.info = dict(preview.info)
    return fresh


def _preview(thumb: Any, rawpy: Any) -> Image.Image:
    if thumb.format != rawpy.ThumbFormat.JPEG:
        return Image.fromarray(thumb.data)
    return Image.open(io.BytesIO(thumb.data), formats=("JPEG",))


def _tags(data: bytes) -> Image.Exif | None:
    """Return the tags of a file that is built like TIFF, those that describe the picture; None for others."""
    if data[:4] not in (b"II*\0", b"MM\0*"):
        return None
    found, kept = Image.Exif(), Image.Exif()
    found.load(b"Exif\0\0" + data)
    base = ExifTags.Base
    for tag in (base.ImageDescription, base.Make, base.Model, base.DateTime):
        if tag in found:
            kept[tag] = found[tag]
    for directory in (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo):
        inner = {tag: value for tag, value in found.get_ifd(directory).items() if tag != base.MakerNote}
        kept.get_ifd(directory).update(inner)
    return kept
