"""Items as the pictures of a run: each is written into the collection's own folder when its turn comes."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from twinlens.collection.ingest.scan import Scan
from twinlens.collection.items import Item
from twinlens.collection.store import Store, keep, mark
from twinlens.media import formats, images, kept, moments, sources
from twinlens.media.captions import Caption
from twinlens.media.mending import DAMAGE
from twinlens.media.picture_rows import RowPicture


@dataclass(frozen=True)
class ItemScan(Scan):
    """Items in place of files; `pictures` keeps those that can be read, and fills `refused` with the others."""

    items: tuple[Item, ...] = ()

    @classmethod
    def of(cls, items: list[Item]) -> ItemScan:
        """Take items that were checked."""
        return cls((), (), items=tuple(items))

    def __len__(self) -> int:
        return len(self.items)

    def pictures(self, store: Store | None = None) -> Iterator[tuple[Path, Caption | None]]:
        """Yield the paths of the pictures as the store's collection keeps them, with captions and metadata."""
        if store is None:
            raise ValueError("items need a collection that keeps them")
        mark(store)
        for item in self.items:
            try:
                path = _kept(store, item)
            except images.BadPicture as error:
                self.refused.append((Path(item.id), str(error)))
                continue
            yield path, item.described


def _kept(store: Store, item: Item) -> Path:
    """Keep an item's picture: the bytes of its file, or its pixels as PNG. Raises BadPicture."""
    picture = item.picture
    if isinstance(picture, Path) and picture.parent == store.pictures and kept.id_of(picture) == item.id:
        return picture
    if isinstance(picture, Path) and moments.split(picture) is None:
        data, ending = _file(picture)
    elif isinstance(picture, sources.EncodedPicture | RowPicture):
        data = picture.data
        ending = _ending(data, "")
    else:
        data, ending = _png(images.load(picture)), ".png"
    content = hashlib.blake2b(data, digest_size=20).digest()
    return keep(store, item.id, content, ending, data)


def _file(path: Path) -> tuple[bytes, str]:
    """Read a file, and find its ending."""
    try:
        size = sources.status(path).size
        if size > formats.MAX_BYTES:
            raise images.BadPicture(f"has {size:,} bytes, more than {formats.MAX_BYTES:,}")
        with sources.open_file(path) as file:
            data = file.read()
    except OSError as error:
        raise images.BadPicture(f"{path}: cannot be read: {error.strerror or error}") from error
    return data, _ending(data, path.name)


def _ending(data: bytes, name: str) -> str:
    """Return the ending of a picture's name by its first bytes, or else by what Pillow finds. Raises BadPicture."""
    row = formats.of_content(data[: formats.HEAD], name)
    if row is None:
        with suppress(*DAMAGE, Image.DecompressionBombError):
            opened = formats.open_image(io.BytesIO(data)).format
            row = next((one for one in formats.TABLE if opened in one.pillow), None)
    if row is None:
        raise images.BadPicture(f"is no picture that can be read (known: {', '.join(formats.pillow_names())})")
    if row.decoder == "video":
        raise images.BadPicture("is a video, not a picture; add its folder, or a moment of it")
    named = Path(name).suffix.lower()
    return named if named in row.endings else row.endings[0]


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()
