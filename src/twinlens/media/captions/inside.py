"""Captions from within picture files: IPTC, XMP, EXIF and PNG text, read from the header with Pillow."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from PIL import ExifTags, Image, ImageFile, IptcImagePlugin

from twinlens.media import sources
from twinlens.media.captions.records import clean
from twinlens.media.opening import DAMAGE, open_image, without_texts

_BOILERPLATE = frozenset(
    {"camera", "dcim", "default", "digital", "dsc", "exif", "gimp", "jpeg", "kodak", "konica", "minolta", "olympus"}
    | {"picture", "samsung", "screenshot", "sony", "untitled", "created", "with", "nikon", "canon", "image"}
)
"""Words that cameras and programs write into every file."""


def inside(path: Path) -> tuple[tuple[int, int] | None, str]:
    """Return a file's (width, height) in pixels as people see it, and the description it carries, "" if none.

    Only the header is read, and nothing is raised: whether the picture can be used is found by decoding it.
    """
    try:
        with sources.open_file(path) as file:
            try:
                return _read(open_image(file))
            except DAMAGE:
                bare = without_texts(file)
                return (None, "") if bare is None else _read(bare)
    except (*DAMAGE, Image.DecompressionBombError):
        return None, ""


def _read(image: ImageFile.ImageFile) -> tuple[tuple[int, int], str]:
    sideways = image.getexif().get(ExifTags.Base.Orientation, 1) in range(5, 9)
    size = image.size[::-1] if sideways else image.size
    return size, next((text for text in map(clean, _descriptions(image)) if _says_something(text)), "")


def _descriptions(image: ImageFile.ImageFile) -> Iterator[str]:
    iptc = IptcImagePlugin.getiptcinfo(image) or {}
    for tag in ((2, 120), (2, 105)):  # caption, headline
        value = iptc.get(tag, b"")
        yield _decoded(value[0] if isinstance(value, list) else value)
    yield _xmp(image.info.get("xmp", b""))
    exif = image.getexif()
    yield _utf8(str(exif.get(ExifTags.Base.ImageDescription, "")))
    comment = exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.UserComment, b"")
    yield _user_comment(comment, exif.endian) if isinstance(comment, bytes) else str(comment)
    yield from (str(image.info[key]) for key in ("Description", "Title", "Comment") if key in image.info)


def _xmp(packet: bytes | str) -> str:
    """Find dc:description of an XMP packet, as text: an XML parser could be made to work hard by the file."""
    text = packet if isinstance(packet, str) else _decoded(packet)
    found = re.search(r"<dc:description[^>]*>.{0,200}?<rdf:li[^>]*>([^<]*)</rdf:li>", text, re.DOTALL)
    return html.unescape(found[1]) if found else ""


def _utf8(text: str) -> str:
    """Decode again as UTF-8, which cameras and editors write, what Pillow has decoded as Latin-1."""
    try:
        return _decoded(text.encode("latin-1"))
    except UnicodeEncodeError:
        return text


def _user_comment(value: bytes, byte_order: str | None) -> str:
    """Decode EXIF's UserComment (EXIF 2.3, 4.6.5): eight bytes name the character code.

    UTF-16 is in the file's byte order ("<" or ">"), unless the other one makes more sense of it.
    """
    code, text = value[:8], value[8:]
    if code == b"UNICODE\0":
        if text[:2] in (b"\xff\xfe", b"\xfe\xff"):
            return text.decode("utf-16", "replace")
        names = ("utf-16-be", "utf-16-le") if byte_order == ">" else ("utf-16-le", "utf-16-be")
        return max((text.decode(name, "replace") for name in names), key=_neighbours)
    return _decoded(text) if code in (b"ASCII\0\0\0", b"\0" * 8) else ""


def _neighbours(text: str) -> int:
    """Count letters that are of the same 256 as the one before: letters of one script, which swapped bytes scatter."""
    return sum(ord(one) >> 8 == ord(other) >> 8 for one, other in pairwise(text))


def _decoded(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _says_something(text: str) -> bool:
    return not _BOILERPLATE.issuperset(re.findall(r"[^\W\d_]+", text.lower()))
