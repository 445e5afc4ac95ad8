"""Thumbnails and browsers' forms of the collection's pictures, drawn in worker processes and cached in memory."""

from __future__ import annotations

import io
from typing import NamedTuple

from PIL import Image

from twinlens.collection.store import Entry
from twinlens.core.explanation import GateMap
from twinlens.core.types import Picture
from twinlens.media import formats, images, moments, sources
from twinlens.report.gate import gate_overlay
from twinlens.service.errors import RequestError
from twinlens.service.lru import LeastRecent
from twinlens.service.pictures import read
from twinlens.service.settings import Settings
from twinlens.service.workers import Workers

SIZES = (240, 480)
"""Pixels of the longer side of thumbnails."""
TYPES = {"JPEG": "image/jpeg", "PNG": "image/png", "WebP": "image/webp", "GIF": "image/gif", "AVIF": "image/avif"}
"""Formats that browsers show, and their media types."""
LARGEST = 4096
"""Pixels of the longer side of a picture that is converted for browsers."""
OVERLAY = 720
"""Pixels of the longer side of a picture with the map of a gate over it."""
QUALITY = {240: 82, 480: 85, LARGEST: 92}


class BrowserPicture(NamedTuple):
    """The bytes of a picture that browsers show, and their media type."""

    data: bytes
    media_type: str


class Job(NamedTuple):
    """A picture of the collection, and the pixels of the longer side that it shall have; None for the file itself."""

    entry: Entry
    size: int | None


class GateJob(NamedTuple):
    """A picture of a query, and the map of the gate that is laid over it."""

    picture: Picture
    gate: GateMap


class Renderer:
    """Draws thumbnails, and answers again from memory."""

    def __init__(self, settings: Settings) -> None:
        self._workers = Workers(render, None, count=settings.workers, seconds=settings.limits.seconds)
        self._workers.begin()
        self._cache = LeastRecent[tuple[bytes, int], BrowserPicture](
            2**20, weight=settings.limits.thumbs_bytes, weigh=lambda rendered: len(rendered.data)
        )

    def thumb(self, entry: Entry, size: int) -> BrowserPicture:
        """Return the thumbnail of an entry. Raises RequestError where its file is not as it was indexed."""
        key = entry.hash, size
        if (known := self._cache.get(key)) is not None:
            return known
        rendered = self._workers.one(Job(entry, size))
        self._cache.put(key, rendered)
        return rendered

    def file(self, entry: Entry) -> BrowserPicture:
        """Return the file of an entry, converted where browsers do not show its format. Raises as `thumb`."""
        return self._workers.one(Job(entry, None))

    def gate(self, picture: Picture, gate: GateMap) -> BrowserPicture:
        """Return the map of a gate laid over the picture of a query. Raises BadPicture where that cannot be decoded."""
        return self._workers.one(GateJob(picture, gate))

    def stop(self) -> None:
        """End the processes."""
        self._workers.stop()


def render(_shared: None, job: Job | GateJob) -> BrowserPicture:
    """Render a job, in a worker process. Raises RequestError where the file is not as it was indexed, BadPicture."""
    if isinstance(job, GateJob):
        return _overlay(job)
    if moments.split(job.entry.path) is not None:
        return _encoded(_moment(job.entry), job.size or LARGEST)
    data = read(job.entry)
    row = formats.of_content(data[: formats.HEAD], job.entry.path.name)
    if job.size is None and row is not None and row.name in TYPES:
        return BrowserPicture(data, TYPES[row.name])
    size = job.size or LARGEST
    return _encoded(images.decode(io.BytesIO(data), job.entry.path.name, near=(size, size)), size)


def _overlay(job: GateJob) -> BrowserPicture:
    picture, file = images.load(job.picture), io.BytesIO()
    picture.thumbnail((OVERLAY, OVERLAY))
    gate_overlay(picture, job.gate).save(file, "PNG")
    return BrowserPicture(file.getvalue(), "image/png")


def _moment(entry: Entry) -> Image.Image:
    """Decode a moment of a video, which is too large to be hashed each time: its size and time must be as indexed."""
    try:
        status = sources.status(entry.path)
    except OSError as error:
        raise RequestError(404, f"the picture {entry.id} cannot be read any more; index its folder again") from error
    if (status.size, status.mtime_ns) != (entry.size, entry.mtime_ns):
        raise RequestError(404, f"the video of {entry.id} was changed since it was indexed; index its folder again")
    return images.load(entry.path)


def _encoded(image: Image.Image, size: int) -> BrowserPicture:
    image.thumbnail((size, size), Image.Resampling.LANCZOS, reducing_gap=2.0)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=QUALITY[size], optimize=size < LARGEST)
    return BrowserPicture(file.getvalue(), "image/jpeg")
