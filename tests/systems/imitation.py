"""macOS and Windows as far as Linux can imitate them, for what twinlens does; tests and libraries are left alone.

With TWINLENS_TEST_SYSTEM=macos or windows, `tests/conftest.py` begins it, and `sitecustomize.py` in child processes.
Both: other names for the seam `core/system.py` (so that workers are spawned, and names are compared without case), no
/proc, no affinity of cores. Windows: no limits of resources, no signal 0, no second opening of a folder, no creation of
names that it forbids, no renaming onto a file, and no replacing, renaming or removing of what this process has open or
mapped. Not imitated: locks of other processes, attributes and access lists, composed names of APFS.
"""

from __future__ import annotations

import errno
import importlib
import os
import select
import shutil
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from threading import local
from types import ModuleType

VARIABLE = "TWINLENS_TEST_SYSTEM"
FOLDER = Path(__file__).resolve().parent
FORBIDDEN = frozenset('<>:"|?*\\') | set(map(chr, range(32)))
TIMEOUT, FOREVER = 0x102, 0xFFFFFFFF
_here = local()


def begin(name: str) -> None:
    """Imitate a system in this process, and in those that it starts, until it ends."""
    from twinlens.core import system

    assert name in ("macos", "windows"), f"{VARIABLE} wants macos or windows, not {name}"
    paths = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path and path != str(FOLDER)]
    os.environ["PYTHONPATH"] = os.pathsep.join([str(FOLDER), *paths])
    system.NAME = name
    vars(os).pop("sched_getaffinity", None)
    rules = {"open": _hide_proc, "os.listdir": _hide_proc}
    if name == "windows":
        system.windows_api = WindowsApi
        shutil._use_fd_functions = False
        importlib.import_module = _importing(importlib.import_module)
        os.rename = _renaming(os.rename)
        rules |= {"open": _open, "os.rename": _move, "os.remove": _leave, "os.rmdir": _leave, "os.kill": _signal}
    sys.addaudithook(_watching(rules))


class WindowsApi:
    """The three functions of `_winapi`, on Linux's descriptors of processes."""

    @staticmethod
    def OpenProcess(_access: int, _inherit: bool, process: int) -> int:  # noqa: N802
        return os.pidfd_open(process)

    @staticmethod
    def WaitForSingleObject(handle: int, milliseconds: int) -> int:  # noqa: N802
        ended = select.poll()
        ended.register(handle, select.POLLIN)
        return 0 if ended.poll(None if milliseconds == FOREVER else milliseconds) else TIMEOUT

    @staticmethod
    def CloseHandle(handle: int) -> None:  # noqa: N802
        os.close(handle)


def _watching(rules: dict[str, Callable[..., None]]) -> Callable[[str, tuple], None]:
    def hook(event: str, args: tuple) -> None:
        rule = rules.get(event)
        if rule is None or getattr(_here, "is_busy", False) or not _is_ours():
            return
        _here.is_busy = True
        try:
            rule(*args)
        finally:
            _here.is_busy = False

    return hook


def _is_ours() -> bool:
    """Return True if twinlens is the caller, be it by way of the standard library; not where Python opens a program."""
    frame = sys._getframe()
    while frame is not None:
        name = frame.f_globals.get("__name__", "")
        if name != __name__ and name.partition(".")[0] not in sys.stdlib_module_names:
            return name.startswith("twinlens.")
        frame = frame.f_back
    return False


def _hide_proc(path: object, *_: object) -> None:
    if isinstance(path, str | os.PathLike) and os.fspath(path).startswith("/proc/"):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)


def _open(path: object, _mode: object, flags: int) -> None:
    _hide_proc(path)
    if isinstance(path, int):
        return
    name = os.fsdecode(path)
    if Path(name).is_dir():
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
    if flags & os.O_CREAT:
        _check_name(name)


def _check_name(path: str) -> None:
    last = Path(path).name
    if FORBIDDEN & set(last) or last.endswith((" ", ".")):
        raise OSError(errno.EINVAL, "the file name, directory name, or volume label syntax is incorrect", path)


def _move(source: object, target: object, *_: object) -> None:
    _check_name(os.fsdecode(target))
    _leave(source)
    _leave(target)


def _renaming(rename: Callable[..., None]) -> Callable[..., None]:
    def renamed(source, target, **options):
        if _is_ours() and os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), target)
        rename(source, target, **options)

    return renamed


def _importing(load: Callable[..., ModuleType]) -> Callable[..., ModuleType]:
    def loaded(name, package=None):
        if name == "resource" and _is_ours():
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return load(name, package)

    return loaded


def _leave(path: object, *_: object) -> None:
    """Refuse what Windows calls a sharing violation: the file, or one below the folder, is open here or mapped."""
    try:
        found = os.lstat(path)
    except OSError:
        return
    given = Path(os.fsdecode(path))
    place = f"{os.path.realpath(given.parent)}/{given.name}"
    for used in _used():
        is_below = stat.S_ISDIR(found.st_mode) and used.startswith(f"{place}/")
        if used == place or is_below:
            raise PermissionError(errno.EACCES, f"the file is used by another process ({used})", path)


def _used() -> set[str]:
    """Return the paths of the files that this process has open or mapped."""
    found = set()
    for number in Path("/proc/self/fd").iterdir():
        try:
            found.add(os.fspath(number.readlink()))
        except OSError:
            continue
    with Path("/proc/self/maps").open(encoding="utf-8", errors="surrogateescape") as lines:
        found.update(line.split(maxsplit=5)[5].rstrip("\n") for line in lines if line.count("/"))
    return found


def _signal(_process: int, number: int) -> None:
    if number == 0:
        raise AssertionError("signal 0 is Ctrl-C on Windows")
