"""The seam to the operating system, and its imitations: what Windows refuses, and processes of other systems."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import twinlens.version
from tests.systems import imitation
from twinlens.core import system

PACKAGE = Path(twinlens.version.__file__).parent
OF_SOME_SYSTEMS = {"fcntl", "grp", "msvcrt", "posix", "pty", "pwd", "resource", "syslog", "termios", "tty", "winreg"}
"""Modules of the standard library that not every system has."""
needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="imitates other systems on Linux")

SHARING = """
import os, sys, threading
from pathlib import Path
from twinlens.core import system

folder = Path(sys.argv[1])
(folder / "draft").write_text("new")
(folder / "file").write_text("old")
reader = (folder / "file").open()
threading.Timer(1.0, reader.close).start()
system.replace(folder / "draft", folder / "file")
print(system.NAME, reader.closed, (folder / "file").read_text())
"""
PROCESSES = """
import importlib, os, subprocess, sys
from twinlens.core import processes, system

child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
print(system.is_alive(os.getpid()), system.is_alive(child.pid), end=" ")
child.communicate(b"")
print(system.is_alive(child.pid), system.is_alive(2**40))
child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
child.stdin.close()
system.wait_for_parent(child.pid)
processes.limit_memory(10)
processes.limit_seconds(1000)
print(bytearray(100)[0], system.forks(), system.is_case_blind())
"""


def run(name: str, code: str, *given: object) -> str:
    paths = os.pathsep.join([str(imitation.FOLDER), *sys.path])
    environment = {**os.environ, imitation.VARIABLE: name, "PYTHONPATH": paths}
    command = [sys.executable, "-c", code, *map(str, given)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=100)
    assert not done.returncode, done.stderr
    return done.stdout


@needs_linux
@pytest.mark.parametrize(("name", "waited"), [("windows", True), ("macos", False)])
def test_a_file_that_is_read_is_replaced_once_it_is_closed(tmp_path, name, waited):
    assert run(name, SHARING, tmp_path) == f"{name} {waited} new\n"


@needs_linux
@pytest.mark.parametrize("name", ["macos", "windows"])
def test_processes_are_looked_for_as_each_system_can(name):
    assert run(name, PROCESSES) == "True True False False\n0 False True\n"


def test_a_file_that_stays_open_is_an_error_in_the_end(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "the file is used by another process")

    monkeypatch.setattr(Path, "replace", refuse)
    monkeypatch.setattr(system, "SHARING_SECONDS", 0.05)
    for name in ("linux", "windows"):
        monkeypatch.setattr(system, "NAME", name)
        with pytest.raises(PermissionError, match="another process"):
            system.replace(tmp_path / "a", tmp_path / "b")


def test_nothing_is_imported_that_some_system_lacks():
    found = {
        f"{path.relative_to(PACKAGE)}: {name}"
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module] if isinstance(node, ast.ImportFrom) else [one.name for one in node.names])
        if name in OF_SOME_SYSTEMS
    }
    assert not found


def test_no_other_room_asks_which_system_it_is():
    asking = ("sys.platform", "os.name ", "platform.system()")
    found = {path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py")
             if any(text in path.read_text(encoding="utf-8") for text in asking)}  # fmt: skip
    assert found == {"core/system.py", "models/doctor.py"}  # the latter shows it
