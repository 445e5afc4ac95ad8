"""A test's body run as an ordinary user without capabilities, whoever runs the tests.

Root may read, list and enter everything, so that a folder without permission is none for it. The body runs in a forked
child under another user's id; what it needs must be imported before, since that user may not read the interpreter's
own files. Where mounts are needed, the child gets a namespace of its own for them.

Where the system allows no such thing, the test is skipped; with TWINLENS_UNPRIVILEGED=must, as `.ci/run`
sets it, it fails, so that nobody takes what was left out for what holds.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from PIL import Image

NOBODY = 65534
_SET_DUMPABLE, _NEW_USER, _NEW_MOUNTS, _BIND, _DETACH = 4, 0x10000000, 0x00020000, 4096, 2
_SKIP = "skip: "
MUST = "TWINLENS_UNPRIVILEGED"


@contextmanager
def home() -> Iterator[Path]:
    """A folder that belongs to the ordinary user."""
    folder = Path(tempfile.mkdtemp(prefix="ordinary-")).resolve()
    if os.geteuid() == 0:
        os.chown(folder, NOBODY, NOBODY)
    try:
        yield folder
    finally:
        for path in [folder, *folder.rglob("*")]:
            if path.is_dir() and not path.is_symlink():
                path.chmod(0o700)
        shutil.rmtree(folder)


def run(body: Callable[[], object], *, mounts: bool = False) -> None:
    """Run a body as an ordinary user, in a namespace of mounts if asked; skip or fail where the system allows none."""
    if sys.platform != "linux":
        _skip("other users are had by Linux' means alone")
    Image.init()  # the plugins, before their files cannot be read
    ours, theirs = os.pipe()
    child = os.fork()
    if not child:
        os.close(ours)
        _leave(theirs, body, mounts)
    os.close(theirs)
    with os.fdopen(ours, encoding="utf-8") as pipe:
        said = pipe.read()
    _, status = os.waitpid(child, 0)
    if said.startswith(_SKIP):
        _skip(said.removeprefix(_SKIP))
    assert status == 0 and not said, said or f"the child ended with {status}"


def _skip(reason: str) -> None:
    """Skip the test, or fail it where it must run."""
    if os.environ.get(MUST) == "must":
        pytest.fail(f"this test must run: {reason}")
    pytest.skip(reason)


def mount(folder: Path) -> None:
    """Mount an empty file system at a folder."""
    _check(_libc().mount(b"tmpfs", os.fsencode(folder), b"tmpfs", 0, b"size=16m"), "mount")


def bind(source: Path, folder: Path) -> None:
    """Mount a folder at another one, as part of the same file system."""
    _check(_libc().mount(os.fsencode(source), os.fsencode(folder), None, _BIND, None), "bind")


def unmount(folder: Path) -> None:
    """Take away what is mounted at a folder."""
    _check(_libc().umount2(os.fsencode(folder), _DETACH), "unmount")


def _leave(pipe: int, body: Callable[[], object], mounts: bool) -> None:
    """Run the body in the child, write what it raises, and end."""
    said = ""
    try:
        if os.geteuid() == 0:
            os.setgroups([])
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)
        if mounts:
            _enter_namespace()
        body()
    except pytest.skip.Exception as skipped:
        said = f"{_SKIP}{skipped}"
    except BaseException:
        said = traceback.format_exc()
    os.write(pipe, said.encode())
    os._exit(0 if said.startswith(_SKIP) or not said else 1)


def _enter_namespace() -> None:
    libc, user, group = _libc(), os.geteuid(), os.getegid()
    libc.prctl(_SET_DUMPABLE, 1, 0, 0, 0)  # else the files below are root's
    if libc.unshare(_NEW_USER | _NEW_MOUNTS):
        pytest.skip(f"this system lets no user mount anything ({os.strerror(ctypes.get_errno())})")
    try:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    except OSError as error:  # AppArmor's restriction takes the capabilities away only then
        pytest.skip(f"this system lets no user mount anything ({error.strerror})")


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> None:
    if result:
        pytest.skip(f"this system does not let a user {what} ({os.strerror(ctypes.get_errno())})")
