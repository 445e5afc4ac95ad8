"""Names of the metadata that picture files carry themselves, under one key of an entry's metadata."""

from __future__ import annotations

EMBEDDED = "embedded"
"""The key of an entry's metadata that holds what its file carries: fields from beside the file stand above it."""
TAKEN, TAKEN_FROM, CAMERA, LENS = "taken", "taken_from", "camera", "lens"
LATITUDE, LONGITUDE, PLACE = "latitude", "longitude", "place"
TITLE, KEYWORDS, RATING, BOILERPLATE = "title", "keywords", "rating", "boilerplate"
MOMENT = "moment"
FIELDS = frozenset(
    {TAKEN, TAKEN_FROM, CAMERA, LENS, LATITUDE, LONGITUDE, PLACE, TITLE, KEYWORDS, RATING, BOILERPLATE, MOMENT}
)
"""taken: ISO 8601 in the picture's local time, with its zone if known. taken_from: exif, xmp, iptc, png or name,
and of a time from beside the file takeout, json, xmp, table, or given (by a program).
latitude and longitude: degrees, WGS 84. place: a list by `media.places`, the nearest city first. keywords: a list.
rating: 1 to 5, −1 for rejected. boilerplate: a text in the file that tells no picture from others. moment: seconds from
the start of a video.
"""
RENAMED = frozenset({"photoTakenTime", "geoData", "geoDataExif"})
"""Keys of Google Takeout that have taken, latitude and longitude beside them, under these names."""
