"""The code of plug-ins: entry points and files, and how they are run. Who may run them is decided in `plugins`."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.abc import SourceLoader
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeAlias

from twinlens.core import suggestions, variants
from twinlens.core.types import TwinlensError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

FOLDERS = {
    "fusions": "fusions",
    "encoders": "encoders",
    "indexes": "indexes",
    "datasets": "datasets",
    "engines": "collection.engines",
    "rerankers": "collection.search.rerank",
}
"""Kinds of plug-ins, and the folders whose variants they stand beside; `twinlens.KIND` is the group of entry points."""
KIND = dict(zip(FOLDERS.values(), FOLDERS, strict=True))
"""The kind of the plug-ins beside a folder's variants."""
Code: TypeAlias = ModuleType | type[Any]
"""A module like the file of a built-in variant, or its class itself."""


@dataclass(frozen=True)
class Plugin:
    """A variant from outside. source: the content of a file, read once; None for an entry point."""

    folder: str
    name: str
    path: Path | None = None
    source: bytes | None = None

    @classmethod
    def of_file(cls, folder: str, path: Path) -> Plugin:
        """Read a file, and run nothing. Raises TwinlensError where that fails."""
        try:
            source = path.read_bytes()
        except OSError as error:
            raise TwinlensError(f"cannot read the plug-in {path}: {error.strerror}") from error
        return cls(folder, f"{path.name}@{hashlib.sha256(source).hexdigest()}", path.resolve(), source)

    @property
    def checksum(self) -> str:
        """Return the SHA-256 (hex) of a file's content."""
        return self.name.rpartition("@")[2]

    def run(self) -> Code:
        """Run its code, and return it. Raises TwinlensError where that fails."""
        try:
            return _imported(self) if self.source is None else _executed(self)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # whatever another author's code raises, SystemExit too
            reason = " ".join(repr(error).split())
            raise TwinlensError(f"the plug-in {self.path or self.name} cannot be loaded: {reason}") from error


def entry_point(folder: str, name: str) -> EntryPoint | None:
    """Return the installed entry point of a name. Raises TwinlensError where several packages have one."""
    points = {point.value: point for point in _entry_points(folder) if point.name == name}
    if len(points) > 1:
        packages = suggestions.listing({_package(point) for point in points.values()})
        raise TwinlensError(f"several packages have the {variants.kind(folder)} {name!r}: {packages}; keep one of them")
    return next(iter(points.values()), None)


def installed(folder: str) -> dict[str, str]:
    """Return the entry points beside a folder's variants: name → the package that has it. Nothing of them is run."""
    if folder not in KIND:
        return {}
    built_in = variants.names(folder)
    points = {point.name: point for point in _entry_points(folder) if point.name not in built_in}
    return {name: _package(points[name]) for name in sorted(points)}


def _executed(plugin: Plugin) -> ModuleType:
    """Run a file's content, the very bytes whose checksum is known, as a module of a name of its own."""
    assert plugin.path is not None and plugin.source is not None
    name = f"twinlens_plugin_{plugin.checksum[:16]}"
    loader = _Content(plugin.path, plugin.source)
    spec = importlib.util.spec_from_file_location(name, plugin.path, loader=loader)
    assert spec is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        loader.exec_module(module)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    return module


class _Content(SourceLoader):
    """Imports a module from bytes that were read before, as if they came from its file."""

    def __init__(self, file: Path, source: bytes) -> None:
        self.file, self.source = file, source

    def get_filename(self, fullname: str) -> str:  # noqa: ARG002
        """Return the path of the file."""
        return str(self.file)

    def get_data(self, path: str | bytes) -> bytes:  # noqa: ARG002
        """Return the content."""
        return self.source


def _imported(plugin: Plugin) -> Code:
    point = entry_point(plugin.folder, plugin.name)
    if point is None:
        raise ModuleNotFoundError(f"no entry point {plugin.name!r} is installed")
    code = point.load()
    if not isinstance(code, ModuleType | type):
        raise TypeError(f"{point.value} is neither a module nor a class")
    return code


def _entry_points(folder: str) -> Sequence[EntryPoint]:
    from importlib.metadata import entry_points  # only a name that is no built-in variant asks for them

    return list(entry_points(group=f"twinlens.{KIND[folder]}"))


def _package(point: EntryPoint) -> str:
    return "an unknown package" if point.dist is None else f"{point.dist.name} {point.dist.version}"
