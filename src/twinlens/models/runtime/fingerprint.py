"""Fingerprints of models: hashes of all that decides their vectors, whatever their folders are called.

A collection is a folder that people send. If its model were known by a name that the sender chose, it would be run by
networks that another model left in the cache, or leave its own there for the other one.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from twinlens.core import checksums, variants
from twinlens.core.arguments import as_stage
from twinlens.core.atomic import whole_file
from twinlens.core.machine import default_cache
from twinlens.core.types import TwinlensError

if TYPE_CHECKING:
    from twinlens.models.composer import Composer

RECIPE, WEIGHTS, EXPORT = "recipe.toml", "model.safetensors", "export.json"
MAX_HEADER = 100 * 2**20
"""Bytes of the header of safetensors; the library allows no more either."""
KNOWN = "models.json"
KEPT = 64
"""Folders whose fingerprints are remembered."""
SETTLED_NS = 2 * 10**9
"""Nanoseconds after which a second change of a file is sure to have another time."""
KINDS = {
    "F64": "float64",
    "F32": "float32",
    "F16": "float16",
    "BF16": "bfloat16",
    "I64": "int64",
    "I32": "int32",
    "I16": "int16",
    "I8": "int8",
    "U8": "uint8",
    "BOOL": "bool",
}
"""Kinds of numbers by their names in safetensors; others are in no model of ours."""
Kinds: TypeAlias = "Mapping[str, tuple[str, list[int]]]"
_PIECE = 2**20
_CHECKED = "checked"
"""Mark, in place of a fingerprint, of a folder whose checksums are right."""


class Fingerprint(NamedTuple):
    """digest: of recipe and tensors, as `Composer.digest`. whole: of their kinds and the encoders' files too.

    The bytes of tensors do not tell their kinds and shapes, without which a file with other weights, whose bytes are
    the same, would be taken for this model.
    """

    digest: str
    whole: str


def of_composer(composer: Composer) -> Fingerprint:
    """Compute the fingerprint of a model in memory: that of the folder it would be saved as."""
    from tempfile import TemporaryDirectory  # a search reads folders, and makes none

    digest, tensors = composer.digest, composer.state_dict()
    kinds = {name: (str(tensor.dtype).removeprefix("torch."), list(tensor.shape)) for name, tensor in tensors.items()}
    with TemporaryDirectory() as folder:
        composer.save_assets(Path(folder))
        return Fingerprint(digest, _whole(digest, kinds, Path(folder)))


def of_folder(folder: Path) -> Fingerprint | None:
    """Compute the fingerprint of a model folder without torch; None where it cannot be read as a model.

    It is remembered in the user's own cache until a file's size, times or number on its disk are others: hashing takes
    a tenth of a second for 100 MB, which a search need not spend each time.
    """
    place = os.path.realpath(folder)
    try:
        stamps = {name: _stamp(path) for name, path in _files(folder)}
        known = _read().get(place)
        if known is not None and known["stamps"] == stamps:
            return Fingerprint(known["digest"], known["whole"])
        found = _computed(folder)
    except (OSError, ValueError, KeyError, TypeError, TwinlensError):
        return None
    if stamps == {name: _stamp(path) for name, path in _files(folder)} and _settled(stamps):
        _remember(place, {"stamps": stamps, **found._asdict()})
    return found


def check_whole(folder: Path) -> None:
    """Check all bytes of a folder against its checksums, unless they were checked in this state of its files.

    Raises TwinlensError for a file that is damaged or was exchanged.
    """
    place = os.path.realpath(folder)
    try:
        stamps = {path.relative_to(folder).as_posix(): _stamp(path) for path in checksums.files(folder)}
    except OSError as error:
        raise TwinlensError(f"{folder} cannot be read: {error.strerror}") from error
    known = _read().get(place)
    if isinstance(known, dict) and known.get("whole") == _CHECKED and known.get("stamps") == stamps:
        return
    if damage := checksums.fault(folder, whole=True):
        raise TwinlensError(f"{damage}; copy the whole model folder again")
    if _settled(stamps):
        _remember(place, {"stamps": stamps, "digest": "", "whole": _CHECKED})


def named_stage(folder: Path, allow_plugins: Sequence[str] = ()) -> str | None:
    """Return the stage of reranking that a model's recipe names; what is wrong with a recipe is told where it loads.

    Raises TwinlensError for a plug-in that is not allowed.
    """
    try:
        text = (folder / RECIPE).read_text("utf-8")
        if "rerank" not in text:
            return None
        import tomllib  # takes some milliseconds, and few models name a stage

        stage = tomllib.loads(text).get("rerank")
    except (OSError, ValueError):
        return None
    if not isinstance(stage, str):
        return None
    if as_stage("rerank", stage).name not in variants.names("collection.search.rerank"):
        from twinlens.core import plugins  # takes a hundredth of a second

        plugins.check_stage(stage, folder, allow_plugins)
    return stage


def _computed(folder: Path) -> Fingerprint:
    from twinlens.core.recipe import Recipe  # takes a tenth of a second

    digest = hashlib.blake2b(Recipe.read_saved(folder / RECIPE).of_vectors.encode(), digest_size=16)
    kinds = _update_with_weights(digest, folder / WEIGHTS)
    return Fingerprint(digest.hexdigest(), _whole(digest.hexdigest(), kinds, folder))


def _update_with_weights(digest: hashlib.blake2b, path: Path) -> Kinds:
    """Feed the tensors of a safetensors file to a digest, as `digests.update_with_tensors` does with loaded ones.

    Returns kind and shape of each.
    """
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        if size > MAX_HEADER:
            raise ValueError(f"the header claims {size:,} bytes")
        header = json.loads(file.read(size))
        header.pop("__metadata__", None)
        for name, tensor in sorted(header.items()):
            digest.update(name.encode())
            first, end = tensor["data_offsets"]
            file.seek(8 + size + first)
            for start in range(first, end, _PIECE):
                piece = file.read(wanted := min(_PIECE, end - start))
                if len(piece) < wanted:
                    raise ValueError("the file ends within a tensor")
                digest.update(piece)
        return {name: (KINDS[tensor["dtype"]], tensor["shape"]) for name, tensor in header.items()}


def _whole(digest: str, kinds: Kinds, folder: Path) -> str:
    """Hash a digest, the kinds and shapes of tensors, and the files of the encoders with their names."""
    whole = hashlib.blake2b(digest.encode(), digest_size=16)
    whole.update(json.dumps(sorted(kinds.items())).encode())
    for name, path in _assets(folder):
        content = path.read_bytes()
        whole.update(f"\0{name}\0{len(content)}\0".encode())
        whole.update(content)
    return whole.hexdigest()


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    yield from ((name, folder / name) for name in (RECIPE, WEIGHTS))
    yield from _assets(folder)


def _assets(folder: Path) -> Iterator[tuple[str, Path]]:
    paths = sorted(path for path in folder.glob("encoder-*/**/*") if path.is_file())
    return ((path.relative_to(folder).as_posix(), path) for path in paths)


def _stamp(path: Path) -> list[int]:
    """Describe a file's state on its disk; whoever changes it cannot set the time of that (ctime) back."""
    status = path.stat()
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_dev]


def _settled(stamps: Mapping[str, list[int]]) -> bool:
    return max(max(stamp[1:3]) for stamp in stamps.values()) < time.time_ns() - SETTLED_NS


def _read() -> dict[str, Any]:
    """Read the remembered fingerprints by folder; none where the file is missing or damaged."""
    try:
        known = json.loads((default_cache() / KNOWN).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _remember(place: str, record: Mapping[str, Any]) -> None:
    known = {name: value for name, value in _read().items() if name != place}
    known = dict([*known.items(), (place, record)][-KEPT:])
    with suppress(OSError), whole_file(default_cache() / KNOWN) as beside:  # without it only speed is lost
        beside.write_text(json.dumps(known), encoding="utf-8")
