"""Google Takeout: the JSON file that belongs to a picture, by its truncated and numbered name, and its fields."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from typing import Any

from twinlens.media import fields
from twinlens.media.captions import dates

SUFFIX = ".supplemental-metadata"
SOURCE = "takeout"
"""The name of Takeout as the source of a time."""
_TIME = "photoTakenTime"
LONGEST = 46
"""Characters that Takeout leaves of a name before .json."""
_NUMBERED = re.compile(r"(.*)(\(\d+\))(\.[^.]*)")
_EDITED = re.compile(r"(.*)-(?:edited|bearbeitet|modifié|editado|modificato|bewerkt)(\.[^.]*)", re.IGNORECASE)


def sidecars(picture: str, names: Collection[str]) -> list[str]:
    """Return those of the names in a folder that belong to a picture, the likeliest first.

    a.jpg has a.jpg.json or a.jpg.supplemental-metadata.json, of which the end before .json may be cut off; a(1).jpg has
    a.jpg(1).json or a.jpg.supplemental-metadata(1).json, and a-edited.jpg that of a.jpg.
    """
    return [name for name in dict.fromkeys(_candidates(picture)) if name in names]


def _candidates(picture: str) -> Iterator[str]:
    numbered, edited = _NUMBERED.fullmatch(picture), _EDITED.fullmatch(picture)
    base, number = (f"{numbered[1]}{numbered[3]}", numbered[2]) if numbered else (picture, "")
    for length in range(len(base + SUFFIX), min(len(base), LONGEST) - 1, -1):
        yield f"{(base + SUFFIX)[:length]}{number}.json"
    if edited:
        yield from _candidates(f"{edited[1]}{edited[2]}")


def is_record(record: Mapping[str, Any]) -> bool:
    """Return True for a JSON object as Takeout writes it for a picture."""
    return isinstance(record.get(_TIME), Mapping)


def below_local_time(beside: Mapping[str, Any], carried: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the fields from beside a file without Takeout's time where the file itself carries a time of day.

    The file's is local, and Takeout's in UTC, so that the day may differ. A time from the file's name counts less.
    """
    is_local = carried.get(fields.TAKEN_FROM, "name") != "name" and "T" in str(carried.get(fields.TAKEN))
    if beside.get(fields.TAKEN_FROM) != SOURCE or not is_local:
        return beside
    return {key: value for key, value in beside.items() if key not in (fields.TAKEN, fields.TAKEN_FROM)}


def metadata(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a Takeout record by the names of `media.fields`, and the people in the picture.

    The time is in UTC, for Takeout names no zone. No fields for other JSON.
    """
    if not is_record(record):
        return {}
    found: dict[str, Any] = {}
    with suppress(ValueError, TypeError):
        taken = dates.from_timestamp(float(record[_TIME].get("timestamp", "")))
        found |= {fields.TAKEN: taken, fields.TAKEN_FROM: taken and SOURCE}
    places = (_place(record.get(name)) for name in ("geoData", "geoDataExif"))
    found.update(next((place for place in places if place), {}))
    people = record.get("people")
    if isinstance(people, list):
        found["people"] = [
            one["name"] for one in people if isinstance(one, Mapping) and isinstance(one.get("name"), str)
        ]
    return {key: value for key, value in found.items() if value not in (None, [])}


def _place(geo: object) -> dict[str, float]:
    """Return a place in degrees; Takeout writes 0, 0 where it knows none."""
    if not isinstance(geo, Mapping):
        return {}
    latitude, longitude = _degrees(geo.get("latitude"), 90), _degrees(geo.get("longitude"), 180)
    if latitude is None or longitude is None or not (latitude or longitude):
        return {}
    return {fields.LATITUDE: latitude, fields.LONGITUDE: longitude}


def _degrees(value: object, most: int) -> float | None:
    """Return a number of degrees; None for what is none, of either sign at most `most`."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return float(value) if -most <= value <= most else None
