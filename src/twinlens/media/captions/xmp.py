"""Properties of an XMP packet, found as text: an XML parser could be made to work hard by the file."""

from __future__ import annotations

import html
import re
from typing import Any

from twinlens.media import fields
from twinlens.media.captions import dates

MAX_CHARACTERS = 2**20
"""Of a packet: the standard's part in a JPEG has at most 64 KiB, the files beside pictures more."""
# Bounded, so that a packet of beginnings without ends takes no longer than its length.
_ITEM = re.compile(r"<rdf:li[^>]{0,200}>([^<]*)</rdf:li>")
_DEGREES = re.compile(r"\s*(\d+)(?:,(\d+(?:\.\d+)?))?(?:,(\d+(?:\.\d+)?))?\s*([NSEW])\s*", re.IGNORECASE)
_TAKEN = ("exif:DateTimeOriginal", "photoshop:DateCreated", "exif:DateTimeDigitized", "xmp:CreateDate")


def values(packet: str, name: str) -> list[str]:
    """Return the values of a property, such as dc:subject: the items of its list, or its text; [] if there is none."""
    start = re.search(rf"<{name}(?:\s[^>]{{0,500}})?>", packet)
    if start is not None:
        end = packet.find(f"</{name}>", start.end())
        body = packet[start.end() : end] if end >= 0 else ""
        found = _ITEM.findall(body) or ([body] if "<" not in body else [])
    else:
        attribute = re.search(rf"\s{name}\s{{0,9}}=\s{{0,9}}(?:\"([^\"<]*)\"|'([^'<]*)')", packet)
        found = [attribute[1] or attribute[2] or ""] if attribute else []
    return [text for text in (html.unescape(one).strip() for one in found) if text]


def text(packet: str, name: str) -> str:
    """Return a property's first value, "" if it has none."""
    return next(iter(values(packet, name)), "")


def metadata(packet: str) -> dict[str, Any]:
    """Return the fields that a packet has, by the names of `media.fields`."""
    packet = packet[:MAX_CHARACTERS]
    taken = next((date for date in (dates.iso(text(packet, name)) for name in _TAKEN) if date), None)
    model, make = text(packet, "tiff:Model"), text(packet, "tiff:Make")
    place = degrees(text(packet, "exif:GPSLatitude")), degrees(text(packet, "exif:GPSLongitude"))
    found = {
        fields.TAKEN: taken,
        fields.TAKEN_FROM: taken and "xmp",
        fields.CAMERA: camera(make, model),
        fields.LENS: text(packet, "exifEX:LensModel") or text(packet, "aux:Lens"),
        fields.TITLE: text(packet, "dc:title"),
        fields.KEYWORDS: values(packet, "dc:subject"),
        fields.RATING: rating(text(packet, "xmp:Rating")),
        **(dict(zip((fields.LATITUDE, fields.LONGITUDE), place, strict=True)) if None not in place else {}),
    }
    return {name: value for name, value in found.items() if value not in (None, "", [])}


def description(packet: str) -> str:
    """Return the text that describes the picture, "" if there is none."""
    return text(packet[:MAX_CHARACTERS], "dc:description")


def degrees(written: str) -> float | None:
    """Convert "48,8.5N" or "48,8,30N" (XMP, part 2) to degrees; None for what is no coordinate."""
    found = _DEGREES.fullmatch(written)
    if found is None:
        return None
    value = float(found[1]) + float(found[2] or 0) / 60 + float(found[3] or 0) / 3600
    limit = 90 if found[4].upper() in "NS" else 180
    return None if value > limit else round(-value if found[4].upper() in "SW" else value, 7)


def rating(value: object) -> int | None:
    """Return 1 to 5 stars, or −1 for rejected; None for unrated, which is written as 0, and what is no rating."""
    try:
        stars = int(float(str(value)))
    except (ValueError, OverflowError):
        return None
    return stars if stars in (-1, 1, 2, 3, 4, 5) else None


def camera(make: str, model: str) -> str:
    """Join a camera's make and model, which often begins with the make."""
    make, model = make.strip(" \0"), model.strip(" \0")
    is_named = bool(make) and model.casefold().startswith(make.split()[0].casefold())
    return model if is_named else f"{make} {model}".strip()
