"""Identity of pictures by their content, so that one is recognised wherever it lies."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from twinlens.core.types import Picture
from twinlens.media import moments, sources

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True)
class HashedPicture:
    """A picture with the key of its content, so that it need not be read or drawn to be recognised."""

    picture: Picture
    key: bytes

    def __call__(self) -> Image:
        """Load or draw the picture."""
        from twinlens.media import images  # here and below, for searches by words alone

        return images.load(self.picture)


def key(picture: Picture) -> bytes:
    """Return 16 bytes for a picture's content: of a file's bytes, else of its size and pixels.

    The latter for those in memory, those that are drawn, and moments of videos.
    """
    if isinstance(picture, HashedPicture):
        return picture.key
    digest = hashlib.blake2b(digest_size=16)
    for part in _parts(picture):
        digest.update(part)
    return digest.digest()


def _parts(picture: Picture) -> Iterator[bytes]:
    if isinstance(picture, Path) and moments.split(picture) is None:
        yield _read(picture)
    else:
        from twinlens.media import images

        pixels = images.load(picture)
        yield f"{pixels.size}".encode()
        yield pixels.tobytes()


def _read(path: Path) -> bytes:
    try:
        with sources.open_file(path) as file:
            return file.read()
    except OSError as error:
        from twinlens.media import images

        raise images.BadPicture(f"{path}: cannot be read: {error.strerror or error}") from error
