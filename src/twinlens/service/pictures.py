"""Pictures of queries: uploads that stay in memory for a while, and pictures of the collection itself."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from twinlens.collection.store import Entry
from twinlens.media import formats, images, moments, sources
from twinlens.media.sources import EncodedPicture
from twinlens.service.errors import RequestError
from twinlens.service.lru import LeastRecent
from twinlens.service.settings import Limits

UPLOAD = "upload:"
"""Beginning of the reference of a picture that was uploaded; the hexadecimal content hash follows."""


@dataclass(frozen=True)
class QueryPicture(EncodedPicture):
    """A picture of a query whose content hash is known: an upload by its bytes, one of the collection by its path.

    name: the reference by which a later request names it, `upload:HEX` or the id of an entry.
    """

    content: bytes
    name: str = ""
    path: Path | None = None
    pixels: int = field(default=images.MAX_PIXELS, compare=False)

    @property
    def digest(self) -> bytes:
        """Return the content hash."""
        return self.content

    def __call__(self) -> Image.Image:
        """Decode the picture. Raises BadPicture."""
        if self.path is not None:
            return images.load(self.path)
        return images.decode(io.BytesIO(self.data), "the picture", max_pixels=self.pixels)


def of_entry(entry: Entry) -> QueryPicture:
    """Return the picture of an entry of the collection; its file is read once it is embedded."""
    return QueryPicture(b"", entry.hash, entry.id, entry.path)


def gray_picture() -> QueryPicture:
    """Return a gray picture, with which networks are used for the first time."""
    file = io.BytesIO()
    Image.new("RGB", (224, 224), "gray").save(file, "JPEG")
    return QueryPicture(file.getvalue(), b"gray")


class Uploads:
    """Pictures that were uploaded, by their content hash; the least recently used ones go."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._pictures = LeastRecent[str, QueryPicture](
            limits.uploads, weight=limits.uploads_bytes, weigh=lambda picture: len(picture.data)
        )

    def add(self, data: bytes) -> QueryPicture:
        """Keep the bytes of a picture. Raises RequestError for too many of them, and for what begins as no picture."""
        check_upload(data, self.limits)
        content = hashlib.blake2b(data, digest_size=20).digest()
        known = self._pictures.get(content.hex())
        if known is not None:
            return known
        picture = QueryPicture(data, content, f"{UPLOAD}{content.hex()}", pixels=self.limits.pixels)
        self._pictures.put(content.hex(), picture)
        return picture

    def get(self, reference: str) -> QueryPicture:
        """Return the picture of a reference `upload:HEX`. Raises RequestError where it is not there any more."""
        picture = self._pictures.get(reference.removeprefix(UPLOAD))
        if picture is None:
            raise RequestError(404, "the uploaded picture is not in memory any more; upload it again")
        return picture


def check_upload(data: bytes, limits: Limits) -> None:
    """Raise RequestError for a file that is empty, too large, or of no format that is read here."""
    if not data:
        raise RequestError(415, "the picture is empty; upload the bytes of its file")
    if len(data) > limits.picture:
        raise RequestError(413, f"the picture has {len(data):,} bytes, more than {limits.picture:,}; make it smaller")
    row = formats.of_content(data[: formats.HEAD])
    if row is not None and (row.decoder == "video" or not row.is_read):
        raise RequestError(415, f"the file is {row.name}, not a picture that is read here; convert it to JPEG or PNG")


def read(entry: Entry) -> bytes:
    """Read the file of an entry. Raises RequestError where it is gone, or is not the one that was indexed.

    A link or a file that was put in its place since has another content, which is never sent.
    """
    if moments.split(entry.path) is not None:
        raise RequestError(404, f"{entry.id} is a moment of a video, which is not copied; export its path")
    try:
        with sources.open_file(entry.path) as file:
            data = file.read(formats.MAX_BYTES + 1)
    except OSError as error:
        raise RequestError(404, f"the picture {entry.id} cannot be read any more; index its folder again") from error
    if hashlib.blake2b(data, digest_size=20).digest() != entry.hash:
        raise RequestError(404, f"the picture {entry.id} was changed since it was indexed; index its folder again")
    return data
