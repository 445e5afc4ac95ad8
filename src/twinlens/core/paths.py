"""Paths as the systems write them: one spelling for one file, and names that every file system can have."""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePath, PureWindowsPath

from twinlens.core import system

_WINDOWS = re.compile(r"[A-Za-z]:[\\/]|\\\\")
_LONG = re.compile(r"\\\\[?.]\\(?:UNC(?P<share>\\)|(?=[A-Za-z]:))", re.IGNORECASE)
_DEVICE = re.compile(r"(?:CON|PRN|AUX|NUL|CONIN\$|CONOUT\$|COM[0-9¹²³]|LPT[0-9¹²³])\s*(?:\..*)?", re.IGNORECASE)
_FORBIDDEN = re.compile(r'[\x00-\x1f<>:"|?*\\/]')


def real(path: Path) -> Path:
    """Return the absolute path of a file without links, spelled as its folders list it; see `spelled`."""
    return spelled(Path(os.path.realpath(_short(path))))


def absolute(path: Path) -> Path:
    """Return the absolute path of a file, which keeps its links, spelled as its folders list it; see `spelled`."""
    return spelled(Path(os.path.abspath(_short(path))))  # noqa: PTH100 - pathlib keeps the dots


def spelled(path: Path) -> Path:
    """Return a path with upper and lower case as the folders list it, where the system takes them for the same.

    So that one file has one entry, however the user types its folder. What is not listed stays as it is given.
    """
    if not system.is_case_blind():
        return path
    found = Path(path.anchor)
    for part in path.relative_to(path.anchor).parts:
        found = found / _listed(found, part)
    return found


def plain(path: str) -> str:
    r"""Return a path of Windows without the prefix for long ones: `\\?\C:\a` is `C:\a`, `\\?\UNC\host\a` `\\host\a`."""
    found = _LONG.match(path)
    return path if found is None else ("\\\\" if found["share"] else "") + path[found.end() :]


def of_any_system(path: PurePath) -> PurePath:
    """Return an absolute path so that its parts can be read, on whatever system it was written."""
    return PureWindowsPath(path) if _WINDOWS.match(str(path)) else path


def separator(path: bytes) -> bytes:
    """Return what stands between the parts of an absolute path, by the system that wrote it."""
    return b"\\" if _WINDOWS.match(path[:3].decode("latin-1")) else b"/"


def below(folder: bytes) -> tuple[bytes, bytes]:
    """Return the bytes between which the paths of all files below a folder lie, both exclusive."""
    between = separator(folder)
    low = folder.rstrip(between) + between
    return low, low[:-1] + bytes([low[-1] + 1])


def portable(name: str) -> str:
    """Return a file's name so that every system can have it: _ for what Windows forbids, in names of devices too.

    Also "." and "..", and a dot or a space at the end, which Windows drops.
    """
    name = _FORBIDDEN.sub("_", name)
    if name.endswith((".", " ")):
        name = f"{name[:-1]}_"
    return f"_{name}" if not name or _DEVICE.fullmatch(name) else name


def storable(name: str) -> str:
    """Return a file's name so that this system can have it: as it is, but for Windows `portable`."""
    return portable(name) if system.NAME == "windows" else name


def _short(path: Path) -> Path:
    return Path(plain(str(path))) if system.NAME == "windows" else path


def _listed(folder: Path, name: str) -> str:
    """Return a name as a folder lists it; as it is given where that is listed, or nothing is."""
    try:
        names = os.listdir(folder)  # noqa: PTH208 - only the names are wanted
    except OSError:
        return name
    if name in names:
        return name
    return next((other for other in sorted(names) if other.casefold() == name.casefold()), name)
