"""Times at which pictures were taken: as EXIF, XMP, IPTC and the names of files write them, in ISO 8601."""

from __future__ import annotations

import re
from datetime import UTC, datetime

_WRITTEN = re.compile(
    r"\s*(\d{4})[-:/.]?(\d\d)[-:/.]?(\d\d)"  # EXIF 2019:05:03, XMP 2019-05-03, IPTC 20190503
    r"(?:[T ]?(\d\d)[:.]?(\d\d)(?:[:.]?(\d\d)(?:[.,]\d+)?)?\s*(Z|[+-]\d\d:?\d\d)?)?\s*",
    re.IGNORECASE,
)
_NAMED = re.compile(
    r"(?<!\d)((?:19|20)\d\d)([-_.]?)(0[1-9]|1[0-2])\2(0[1-9]|[12]\d|3[01])"
    r"(?:(?:[-_ T.]| at )+([01]\d|2[0-3])([-_.:h]?)([0-5]\d)\6([0-5]\d)\d{0,3})?(?!\d)",
    re.IGNORECASE,
)
_IN_UTC = re.compile("pxl[_-]", re.IGNORECASE)
"""The beginning of names with a time in UTC (Google Pixel); other cameras and messengers write local time."""


def iso(text: str, offset: str = "") -> str | None:
    """Return a written time as ISO 8601, a day alone as such; None for what is no time, such as 0000:00:00.

    offset: the zone, ±HH:MM, where it stands elsewhere.
    """
    found = _WRITTEN.fullmatch(text.replace("\0", " "))
    if found is None:
        return None
    year, month, day, hour, minute, second, zone = found.groups()
    return _valid((year, month, day), (hour, minute, second or "00") if hour else None, zone or offset)


def from_name(name: str) -> str | None:
    """Read the time from a file's name: IMG_20190503_142210, 2019-05-03 14.22.10, PXL_…, IMG-20190503-WA0001."""
    for found in _NAMED.finditer(name):
        year, _, month, day, hour, _, minute, second = found.groups()
        zone = "Z" if hour and _IN_UTC.match(name) else ""
        if taken := _valid((year, month, day), (hour, minute, second) if hour else None, zone):
            return taken
    return None


def from_timestamp(seconds: float) -> str | None:
    """Return seconds since 1970 as ISO 8601 in UTC; None out of the calendar's range."""
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
    except (ValueError, OverflowError, OSError):
        return None


def _valid(day: tuple[str, ...], time: tuple[str, ...] | None, zone: str) -> str | None:
    text = "-".join(day) + (f"T{':'.join(time)}{_zone(zone)}" if time else "")
    try:
        return text if datetime.fromisoformat(text).year >= 1800 else None
    except ValueError:
        return None


def _zone(zone: str) -> str:
    """Return a zone as ±HH:MM; "" for what is none."""
    zone = zone.strip().strip("\0").upper()
    if zone == "Z":
        return "+00:00"
    found = re.fullmatch(r"([+-])(\d\d):?(\d\d)", zone)
    return f"{found[1]}{found[2]}:{found[3]}" if found and int(found[2]) < 15 and int(found[3]) < 60 else ""
