"""The folders of the models that made a collection's vectors, each named by its content digest."""

from __future__ import annotations

import filecmp
import os
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from twinlens.collection.store.layout import (
    DATABASE,
    MODELS,
    MOVE_AWAY,
    is_file,
    is_folder,
    is_model_draft,
    listed,
    remove_tree,
    share_mode,
)
from twinlens.collection.store.rows import is_digest
from twinlens.core import checksums, system
from twinlens.core.types import TwinlensError

RECIPE = "recipe.toml"
"""The file without which a folder holds no model."""
EXPORT = "export.json"
"""The file that makes a folder an exported model."""
WEIGHTS = (".safetensors", ".onnx")
"""Endings of the large files of a model, which collections may share."""
FOLDERS = re.compile(r"encoder-\d+(/(words|visual|checkpoint|bert|weights|start))*")
"""Folders that models are saved with. A test compares these names with what every variant of an encoder writes."""
FILES = re.compile(
    r"recipe\.toml|provenance\.json|checksums\.json|export\.json|model\.safetensors|head(-\d+)+\.onnx"
    r"|model\.\d+\.tmp|\.tmp\w{6}"  # drafts of the weights: our own, and those of safetensors
    r"|encoder-\d+/(facts\.safetensors|[\w-]+\.onnx[\w.-]*)"  # a graph, and files beside it with its weights
    rf"|{FOLDERS.pattern}/(tokenizer|architecture|preprocessing|ngrams|facts)\.json"
)
"""Files that models are saved with."""


def keep_model(collection: Path, digest: str, save: Callable[[Path], None], *, source: Path | None = None) -> None:
    """Let `save` write a model into the collection, unless it is there; it appears at once and complete, or not.

    source: the folder that the model was loaded from; weights of the same bytes become links to its. In a folder that
    foreign files kept from being removed with an earlier copy, its recipe appears last. Raises TwinlensError where the
    disk has no room, and where something foreign has its name.
    """
    target = collection / MODELS / digest
    if is_folder(target) and is_file(target / RECIPE):
        return
    if os.path.lexists(target) and not is_folder(target):
        raise TwinlensError(f"{target} is no folder of a model; {MOVE_AWAY}")
    draft = target.with_name(f"new-{os.urandom(4).hex()}")
    try:
        draft.parent.mkdir(exist_ok=True)
        save(draft)
        checksums.write(draft)
        for path in checksums.files(draft):
            share_mode(path, collection / DATABASE)  # the writer of safetensors lets nobody else read
            _onto_disk(path)
        if source is not None:
            _link_weights(draft, source)
        if is_folder(target):
            _merge(draft, target)
        else:
            draft.rename(target)
    except BaseException as error:
        _remove(draft)  # the room it takes may be what is lacking
        if isinstance(error, OSError):
            raise TwinlensError(f"cannot write the model into {collection}: {error.strerror or error}") from error
        raise


def remove_models(collection: Path, *, exclude: Iterable[str]) -> None:
    """Remove the folders of all models except some, and drafts that a killed writer left; nothing that is not ours."""
    kept = set(exclude)
    for path in listed(collection / MODELS):
        if is_model_draft(path) or (path.name not in kept and is_digest(path.name) and is_folder(path)):
            _remove(path)


def model_folders(collection: Path) -> list[Path]:
    """Return the folders of all models in the collection."""
    return [path for path in listed(collection / MODELS) if is_digest(path.name) and is_folder(path)]


def model_fault(folder: Path) -> str | None:
    """Describe damage of a model's folder, all of which is read; None if there is none."""
    if not is_folder(folder):
        return f"the model folder {folder} is missing"
    if _has_lost_checksums(folder):
        return f"{folder / checksums.CHECKSUMS} is missing"
    return checksums.fault(folder, whole=True)


def lacks_checksums(folder: Path) -> bool:
    """Return True if the checksums of a model's folder are damaged, or missing from an export."""
    return checksums.is_damaged(folder) or _has_lost_checksums(folder)


def _has_lost_checksums(folder: Path) -> bool:
    """Return True for an export without them: what it is stands in its description alone.

    Other models are known by their content, and those of earlier versions have no checksums.
    """
    return is_file(folder / EXPORT) and checksums.is_missing(folder)


def _remove(folder: Path) -> None:
    remove_tree(folder, files=FILES, folders=FOLDERS)


def _link_weights(draft: Path, source: Path) -> None:
    """Put hard links to the weights of another folder in place of equal ones, where the disk has such links.

    Weights are replaced by other files and never changed in place by us; if somebody else does so, every folder with
    them tells.
    """
    link = draft / "model.0.tmp"
    for path in checksums.files(draft):
        other = source / path.relative_to(draft)
        if path.suffix in WEIGHTS and is_file(other) and not path.samefile(other) and _is_same(path, other):
            with suppress(OSError):  # another disk, or one without links: the copy stays
                os.link(other, link)
                system.replace(link, path)


def _is_same(one: Path, other: Path) -> bool:
    """Return True if two files have the same bytes, and the same people may use them."""
    try:
        first, second = one.stat(), other.stat()
        is_alike = (first.st_mode, first.st_uid, first.st_gid) == (second.st_mode, second.st_uid, second.st_gid)
        return is_alike and filecmp.cmp(one, other, shallow=False)
    except OSError:
        return False


def _merge(draft: Path, target: Path) -> None:
    """Move a draft into a folder that holds foreign files, the recipe last.

    Raises OSError, and TwinlensError where something of another kind has one of the names.
    """
    for path in sorted(draft.iterdir(), key=lambda path: path.name == RECIPE):
        to = target / path.name
        if not os.path.lexists(to) or (is_file(path) and is_file(to)):
            system.replace(path, to)
        elif is_folder(path) and is_folder(to):
            _merge(path, to)
        else:
            raise TwinlensError(f"{to} is none of a model's own; {MOVE_AWAY}")
    draft.rmdir()


def _onto_disk(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())
