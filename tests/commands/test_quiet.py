"""No command opens a connection, but for the hub that is asked for a checkpoint; none writes where nobody looks."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests import offline
from twinlens.core import variants
from twinlens.core.machine import default_cache

ROOT = Path(__file__).resolve().parents[2]
DRIVER = """
import json, os, signal, socket, sys, threading, time

def heard(event, arguments):
    if event in ("socket.getaddrinfo", "socket.gethostbyname"):
        print(json.dumps({"host": arguments[0]}), file=told, flush=True)
    if event in ("socket.connect", "socket.sendto") and arguments[0].family != socket.AF_UNIX:
        print(json.dumps({"address": repr(arguments[1])}), file=told, flush=True)

def interrupt(command):
    while command[0] == "serve" and "twinlens.service.loop" not in sys.modules:  # which it begins to listen after
        time.sleep(0.1)
    time.sleep(4)
    os.kill(os.getpid(), signal.SIGINT)

if __name__ == "__main__":
    commands, told = json.load(open(sys.argv[1])), open(sys.argv[2], "w")
    sys.addaudithook(heard)
    from twinlens import cli
    from twinlens.commands import demo

    demo.SCENES = 5
    for command in commands:
        if "--watch" in command or "serve" in command:  # until Ctrl-C
            signal.signal(signal.SIGINT, signal.default_int_handler)
            threading.Thread(target=interrupt, args=(command,)).start()
        print(json.dumps({"command": command, "code": cli.main(command)}), file=told, flush=True)
"""
"""Calls command lines one after another; writes their exit codes, and every host and address that Python asks for.

The demo draws few scenes.
"""
INDEX = ("index", "pictures", "--model", "toy", "--workers", "1")
COMMANDS = [
    [*INDEX, "--runtime", "onnx"],
    ["search", "--text", "a red tile", "--runtime", "onnx", "--receipt", "r.json", "--export", "a.csv"],
    ["search", "--image", "pictures/red.png", "--text", "blue", "--where", "year > 2000", "--rerank", "diverse"],
    ["explain", "--image", "pictures/red.png", "--text", "a blue tile", "--hit", "1", "--out", "why"],
    ["replay", "r.json"],
    ["info"],
    ["duplicates"],
    ["verify", "--files"],
    ["repair"],
    ["doctor"],
    ["data"],
    ["data", "nlvr"],
    ["index", "pictures", "--recipe", "offline", "--collection", "offline", "--workers", "0", "--runtime", "torch"],
    ["train", "--protocol", "edits", "--data", "scenes=20", "--epochs", "1", "--out", "trained"],
    ["evaluate", "--model", "trained", "--protocol", "edits", "--data", "scenes=5", "--out", "results"],
    ["embed", "offline", "--out", "vectors.npz"],
    ["compare", "--fusions", "sum", "--repeats", "1", "--epochs", "1", "--data", "scenes=8", "--workers", "1"],
    ["demo"],
    ["demo", "--photographs"],
    ["train", "--collection", "offline"],
    ["train", "detector", "--pictures", "20", "--epochs", "1", "--out", "d.safetensors"],
    ["forget", "pictures/red.png"],
    [*INDEX, "--watch", "--every", "0.1"],
    ["export", "toy", "--out", "exported"],
    ["push", "--to", "qdrant://localhost"],
    ["mcp"],
    ["serve", "--port", "0"],
]
CODES = {"push": 2, "train --collection": 2, "index pictures --model toy --workers 1 --watch": 130}
"""Exit codes other than 0, by how a command line begins: no such engine; captions are too few to learn from; Ctrl-C."""
LISTENS = "127.0.0.1"
"""The address that `serve` looks up, to listen there."""
OWN = re.compile(r"\.cache/(twinlens|matplotlib)/|\.config/matplotlib/")
"""Files in a home that commands may make: our cache, and the list of fonts that matplotlib draws with."""


@pytest.fixture
def folder(tmp_path, model, pictures, offline_export):
    """Pictures, a model, a home and a folder for what is temporary.

    An export of `offline` is in the home's cache, as it takes long to make: what loads its packages is `index`, what
    serves the export is `demo`, and what exports is `export`.
    """
    shutil.copytree(model, tmp_path / "toy")
    (tmp_path / "home").mkdir()
    offline.copy_exports(default_cache(), tmp_path / "home" / ".cache" / "twinlens")
    (tmp_path / "tmp").mkdir()
    return tmp_path


def run(folder: Path, commands: list[list[str]]) -> tuple[dict[str, int], list[str], str]:
    """Run commands in a fresh home: exit codes by command, hosts and addresses asked for, and the traced calls."""
    (folder / "commands.json").write_text(json.dumps(commands))
    (folder / "driver.py").write_text(DRIVER)
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": f"{ROOT / 'src'}", "OMP_NUM_THREADS": "1"}
    environment |= {"HOME": str(folder / "home"), "TMPDIR": str(folder / "tmp"), "LANG": "C.UTF-8"}
    command = [sys.executable, "driver.py", "commands.json", "told.jsonl"]
    subprocess.run([*tracer(folder), *command], cwd=folder, env=environment, capture_output=True, timeout=1500)
    told = [json.loads(line) for line in (folder / "told.jsonl").read_text().splitlines()]
    codes = {" ".join(line["command"]): line["code"] for line in told if "command" in line}
    asked = [line.get("host") or line["address"] for line in told if "command" not in line]
    trace = folder / "trace.txt"
    return codes, asked, trace.read_text(errors="replace") if trace.exists() else ""


def tracer(folder: Path) -> list[str]:
    """What traces system calls, of native code too; nothing where that is not there or not allowed."""
    trace = [
        "strace",
        "-f",
        "-qq",
        "--seccomp-bpf",
        "-e",
        "trace=connect,sendto,sendmsg,sendmmsg",
        "-o",
        str(folder / "trace.txt"),
    ]
    allowed = shutil.which("strace") and subprocess.run([*trace, "true"], capture_output=True).returncode == 0
    return trace if allowed else []


def connections(trace: str) -> list[str]:
    """The lines of a trace that lead out of this machine's own sockets."""
    return [line for line in trace.splitlines() if re.search(r"AF_INET6?|sin6?_port", line)]


def test_no_command_opens_a_connection_or_writes_where_nobody_looks(folder):
    codes, asked, trace = run(folder, COMMANDS)
    lines = [" ".join(command) for command in COMMANDS]
    assert codes == {line: next((code for start, code in CODES.items() if line.startswith(start)), 0) for line in lines}
    assert [host for host in asked if host != LISTENS] == [] and connections(trace) == []
    home = [path.relative_to(folder / "home").as_posix() for path in (folder / "home").rglob("*") if path.is_file()]
    assert any(name.startswith(".cache/twinlens/runtime/") for name in home)
    assert [name for name in home if not OWN.match(name)] == []
    assert [path for path in (folder / "tmp").rglob("*") if path.is_file()] == []


def test_every_command_is_traced():
    assert {command[0] for command in COMMANDS} == set(variants.names("commands"))


def test_the_hub_alone_is_asked_for_a_checkpoint(folder):
    command = ["index", "pictures", "--recipe", "clip"]
    codes, asked, _ = run(folder, [command])
    assert codes == {" ".join(command): 2}
    assert asked and {host for host in asked if "(" not in host} == {"huggingface.co"}


def test_a_connection_would_be_seen(tmp_path):
    trace = tracer(tmp_path)
    if not trace:
        pytest.skip("there is no strace, or it may not trace")
    code = "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect(('127.0.0.1', 9))"
    subprocess.run([*trace, sys.executable, "-c", code], check=True)
    assert len(connections((tmp_path / "trace.txt").read_text())) == 1


def test_onnx_runtime_is_imported_in_one_place_after_its_telemetry_is_off():
    importing = []
    for path in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [a.value for a in node.args if isinstance(a, ast.Constant)] if _imports(node) else []
            importing += [path.name for name in names if str(name).split(".")[0] == "onnxruntime"]
    assert importing == ["machine.py"]
    code = "import os, sys; import twinlens.models.runtime; assert 'onnxruntime' not in sys.modules;"
    done = subprocess.run([sys.executable, "-c", f"{code} print(os.environ['ORT_DISABLE_TELEMETRY'])"],
                          capture_output=True, text=True)  # fmt: skip
    assert done.stdout == "1\n", done.stderr


def _imports(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module")


def test_a_user_may_have_it_otherwise():
    code = "import os; import twinlens.models.runtime; print(os.environ['ORT_DISABLE_TELEMETRY'])"
    environment = {**os.environ, "ORT_DISABLE_TELEMETRY": "0"}
    assert subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True).stdout == "0\n"
