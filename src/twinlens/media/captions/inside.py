"""Captions and metadata from within picture files: IPTC, XMP, EXIF and PNG text, read from the header with Pillow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from PIL import ExifTags, Image, ImageFile, IptcImagePlugin

from twinlens.media import fields, moments, sources
from twinlens.media.captions import dates, xmp
from twinlens.media.captions.boilerplate import is_boilerplate
from twinlens.media.captions.records import Caption, clean
from twinlens.media.formats import open_image
from twinlens.media.mending import DAMAGE, without_texts

_XP_TITLE, _XP_COMMENT, _XP_KEYWORDS, _XP_SUBJECT = 0x9C9B, 0x9C9C, 0x9C9E, 0x9C9F
_STARS = 0x4746
"""Tags that Windows writes into the first directory: texts in UTF-16, and the rating in stars."""


def inside(path: Path) -> tuple[tuple[int, int] | None, Caption]:
    """Return a picture's (width, height) in pixels as people see it, and its file's description and metadata.

    Only the header is read, and nothing is raised: whether the picture can be used is found by decoding it.
    """
    found: tuple[tuple[int, int] | None, Caption] = None, Caption()
    moment, name = moments.split(path), moments.file_of(path).name
    try:
        with sources.open_file(path) as file:
            try:
                found = _read(open_image(file, str(path)), name)
            except DAMAGE:
                bare = without_texts(file)
                found = found if bare is None else _read(bare, name)
    except (*DAMAGE, Image.DecompressionBombError):
        pass
    if taken := None if fields.TAKEN in found[1].metadata else dates.from_name(name):
        named = {fields.TAKEN: taken, fields.TAKEN_FROM: "name"}
        found = found[0], Caption(found[1].text, {**found[1].metadata, **named})
    if moment is not None:
        found = found[0], Caption(found[1].text, {**found[1].metadata, fields.MOMENT: moment[1]})
    return found


def _read(image: Image.Image, name: str) -> tuple[tuple[int, int], Caption]:
    header = _Header(image)
    # Pillow gives a TIFF's size as it will be when turned.
    sideways = image.format != "TIFF" and header.exif().get(ExifTags.Base.Orientation, 1) in range(5, 9)
    size = image.size[::-1] if sideways else image.size
    texts = [text for text in map(clean, header.descriptions()) if text]
    told = next((text for text in texts if not is_boilerplate(text, name)), "")
    metadata = header.metadata()
    title = metadata.pop(fields.TITLE, "")
    if title and not is_boilerplate(title, name):
        told, metadata = told or title, {**metadata, fields.TITLE: title}
    if texts and not told:
        metadata[fields.BOILERPLATE] = texts[0]
    return size, Caption(told, metadata)


class _Header:
    """The parts of a picture's header that carry texts; each is read on its own, so that damage to one costs one."""

    def __init__(self, image: Image.Image) -> None:
        self.image, self.info = image, image.info
        self.iptc: dict[tuple[int, int], Any] = {}
        if isinstance(image, ImageFile.ImageFile):
            self.iptc = _tried(lambda: IptcImagePlugin.getiptcinfo(image), None) or {}
        packet = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b""
        self.xmp = packet if isinstance(packet, str) else _decoded(packet)

    def exif(self) -> Image.Exif:
        """Return the tags of the first directory. Raises what Pillow does where they are damaged."""
        return self.image.getexif()

    def directory(self, tag: int) -> dict[int, Any]:
        """Return the tags of a further directory, none where it is damaged."""
        found: dict[int, Any] = _tried(lambda: dict(self.exif().get_ifd(tag)), {})
        return found

    def descriptions(self) -> Iterator[str]:
        """Yield texts that may describe the picture, the first wanted first."""
        for tag in ((2, 120), (2, 105)):  # caption, headline
            yield from self._iptc(tag)
        yield xmp.description(self.xmp)
        exif = self.exif()
        yield _utf8(str(exif.get(ExifTags.Base.ImageDescription, "")))
        comment = self.directory(ExifTags.IFD.Exif).get(ExifTags.Base.UserComment, b"")
        yield _user_comment(comment, exif.endian) if isinstance(comment, bytes) else str(comment)
        yield from (_windows(exif.get(tag)) for tag in (_XP_COMMENT, _XP_SUBJECT))
        yield from (str(self.info[key]) for key in ("Description", "Title", "Comment") if key in self.info)

    def metadata(self) -> dict[str, Any]:
        """Return the fields that the header has, by the names of `media.fields`."""
        sources_of_fields = (self._from_exif, lambda: xmp.metadata(self.xmp), self._from_iptc, self._from_png)
        parts: list[dict[str, Any]] = [_without_empty(_tried(read, {})) for read in sources_of_fields]
        merged = {key: value for part in reversed(parts) for key, value in part.items()}
        # A time and where it is from, a latitude and a longitude, belong together.
        for pair in ((fields.TAKEN, fields.TAKEN_FROM), (fields.LATITUDE, fields.LONGITUDE)):
            owner = next((part for part in parts if pair[0] in part), {})
            merged.update({key: owner[key] for key in pair if key in owner})
        keywords = [clean(word) for part in parts for word in part.get(fields.KEYWORDS, ())]
        merged[fields.KEYWORDS] = [word for word in dict.fromkeys(keywords) if word]
        return _without_empty({key: clean(value) if isinstance(value, str) else value for key, value in merged.items()})

    def _iptc(self, tag: tuple[int, int]) -> list[str]:
        value = self.iptc.get(tag, [])
        return [_decoded(one) for one in (value if isinstance(value, list) else [value])]

    def _from_iptc(self) -> dict[str, Any]:
        day, time = ("".join(self._iptc(tag)[:1]) for tag in ((2, 55), (2, 60)))
        taken = dates.iso(f"{day}T{time}") if time else dates.iso(day)
        title = "".join(self._iptc((2, 5))[:1])
        found = {fields.TITLE: title, fields.KEYWORDS: self._iptc((2, 25))}
        return {**found, **({fields.TAKEN: taken, fields.TAKEN_FROM: "iptc"} if taken else {})}

    def _from_png(self) -> dict[str, Any]:
        taken = dates.iso(str(self.info.get("Creation Time", "")))
        found = {fields.TITLE: str(self.info["Title"])} if "Title" in self.info else {}
        return {**found, **({fields.TAKEN: taken, fields.TAKEN_FROM: "png"} if taken else {})}

    def _from_exif(self) -> dict[str, Any]:
        exif, inner = self.exif(), self.directory(ExifTags.IFD.Exif)
        base = ExifTags.Base
        dated = ((base.DateTimeOriginal, base.OffsetTimeOriginal), (base.DateTimeDigitized, base.OffsetTimeDigitized))
        times = (dates.iso(str(inner.get(tag, "")), str(inner.get(zone, ""))) for tag, zone in dated)
        taken = next((time for time in times if time), None) or dates.iso(str(exif.get(base.DateTime, "")))
        return {
            fields.TITLE: _windows(exif.get(_XP_TITLE)),
            fields.KEYWORDS: _windows(exif.get(_XP_KEYWORDS)).split(";"),
            fields.RATING: xmp.rating(exif.get(_STARS)),
            fields.CAMERA: xmp.camera(_text(exif.get(base.Make)), _text(exif.get(base.Model))),
            fields.LENS: _text(inner.get(base.LensModel)),
            **_place(self.directory(ExifTags.IFD.GPSInfo)),
            **({fields.TAKEN: taken, fields.TAKEN_FROM: "exif"} if taken else {}),
        }


def _without_empty(found: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in found.items() if value not in (None, "", [])}


def _tried(read: Callable[[], Any], otherwise: Any) -> Any:
    try:
        return read()
    except DAMAGE:
        return otherwise


def _place(gps: dict[int, Any]) -> dict[str, float]:
    """Return latitude and longitude in degrees from EXIF's degrees, minutes, seconds; none where one is missing."""
    found = {}
    for name, tag, negative, limit in ((fields.LATITUDE, 2, "S", 90), (fields.LONGITUDE, 4, "W", 180)):
        try:
            degrees = sum(float(part) / 60**n for n, part in enumerate(gps[tag]))
        except (*DAMAGE, KeyError):
            return {}
        if not 0 <= degrees <= limit:  # NaN, of 0/0, is neither
            return {}
        found[name] = round(-degrees if str(gps.get(tag - 1, "")).strip(" \0").upper() == negative else degrees, 7)
    return {} if not any(found.values()) else found  # 0, 0 is what cameras without a fix write


def _windows(value: object) -> str:
    """Decode a text that Windows wrote: UTF-16, little-endian."""
    data = bytes(value) if isinstance(value, tuple) else value
    return data.decode("utf-16-le", "replace").split("\0")[0] if isinstance(data, bytes) else ""


def _text(value: object) -> str:
    """Return a tag's text; "" where a mistyped tag has something else."""
    return _utf8(value) if isinstance(value, str) else ""


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
