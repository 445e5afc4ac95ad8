"""Pictures by their content: the key that knows one again, and notes of what was once computed of it.

Notes are files: processes that run side by side share them, and a later run finds them.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from twinlens.core.atomic import whole_file
from twinlens.core.types import Picture, TwinlensError
from twinlens.media import sources
from twinlens.version import __version__

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor


@dataclass(frozen=True)
class HashedPicture:
    """A picture whose content is known by a key, so that it need not be read or drawn to be recognised."""

    picture: Picture
    key: bytes

    def __call__(self) -> Image:
        """The picture itself."""
        from twinlens.media import images  # here and below, for those who ask in words alone

        return images.load(self.picture)


def key(picture: Picture) -> bytes:
    """16 bytes for the content of a picture: the bytes of a file, the size and pixels of what is in memory or drawn."""
    if isinstance(picture, HashedPicture):
        return picture.key
    digest = hashlib.blake2b(digest_size=16)
    for part in _parts(picture):
        digest.update(part)
    return digest.digest()


def take_tensors(digest: hashlib.blake2b, tensors: Mapping[str, Tensor]) -> None:
    """Let a digest take in named tensors, in the order of their names."""
    import torch  # here, for those who keep files and need no network

    for name, tensor in sorted(tensors.items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)


def default_cache() -> Path:
    """Where notes, features and finished runs are kept unless told otherwise: `twinlens` in the user's cache folder."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "twinlens"


@dataclass(frozen=True)
class ArrayCache:
    """Arrays by the content that they follow from, one small file each.

    name: all that the arrays depend on beside that content, such as options and weights; in another version of twinlens
    nothing is known yet.
    """

    folder: Path
    name: str
    place: Path = field(init=False)

    def __post_init__(self) -> None:
        told = f"{__version__} {self.name}".encode()
        object.__setattr__(self, "place", self.folder / hashlib.blake2b(told, digest_size=16).hexdigest())

    def read(self, key: bytes) -> dict[str, NDArray[Any]] | None:
        """What was written for a key; None where nothing was, or the file is damaged."""
        try:
            return load_file(self._path(key))
        except (OSError, SafetensorError):
            return None

    def write(self, key: bytes, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Keep arrays for a key; others see all of them or none.

        Raises TwinlensError when they cannot be written.
        """
        path = self._path(key)
        try:
            with whole_file(path) as beside:
                save_file(dict(arrays), beside)
        except (OSError, SafetensorError) as error:
            raise TwinlensError(f"cannot write {path}: {error}; choose another cache folder") from error

    def _path(self, key: bytes) -> Path:
        name = key.hex()
        return self.place / name[:2] / f"{name[2:]}.safetensors"


def _parts(picture: Picture) -> Iterator[bytes]:
    if isinstance(picture, Path):
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
