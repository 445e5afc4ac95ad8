"""The container file: a pinned base, a user without rights, nothing fetched unchecked, a health check that works."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "Containerfile").read_text("utf-8")
JOINED = re.sub(r"\\\n\s*", "", TEXT)
INSTRUCTIONS = [tuple(line.split(" ", 1)) for line in JOINED.splitlines() if re.match(r"[A-Z]+ ", line)]


def arguments(instruction: str) -> list[str]:
    return [value for name, value in INSTRUCTIONS if name == instruction]


class Healthy(BaseHTTPRequestHandler):
    """Answers as the service does to GET /health, and says that everything else is missing."""

    def do_GET(self):
        self.send_response(200 if self.path == "/health" else 404)
        self.end_headers()

    def log_message(self, *args):
        """Keep quiet."""


def test_the_base_is_pinned_to_a_python_that_is_supported():
    for image in arguments("FROM"):
        assert re.match(r"python:3\.1[1-4]-slim-\w+( AS build)?$", image)


def test_it_runs_as_a_user_without_rights():
    (user,) = arguments("USER")
    last = len(INSTRUCTIONS) - 1 - [name for name, _ in INSTRUCTIONS][::-1].index("FROM")
    assert INSTRUCTIONS.index(("USER", user)) > last
    numbers = [int(number) for number in user.split(":")]
    assert all(number >= 1000 for number in numbers) and f"--uid {numbers[0]} " in TEXT


def test_nothing_is_installed_without_its_hash():
    assert arguments("ADD") == [] and "curl" not in TEXT and "wget" not in TEXT
    installs = [line for value in arguments("RUN") for line in value.split("&&") if "pip install" in line]
    assert len(installs) == 2
    assert all("--require-hashes" in line or "-c constraints.txt -b constraints.txt" in line for line in installs)


def test_the_builder_is_sent_what_is_copied():
    copied = [name for value in arguments("COPY") if "--from" not in value for name in value.split()[:-1]]
    sent = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    assert sorted(copied) == sorted(sent) and all((ROOT / name).exists() for name in copied)


def test_its_entry_is_the_command_line():
    assert json.loads(arguments("ENTRYPOINT")[0]) == ["twinlens"] and json.loads(arguments("CMD")[0]) == ["--help"]


def test_the_health_check_tells_a_service_that_answers_from_one_that_does_not():
    program, option, code = json.loads(re.search(r"HEALTHCHECK .*CMD (\[.*\])", JOINED)[1])
    assert (program, option) == ("python", "-c") and arguments("EXPOSE") == ["8765"]
    with HTTPServer(("127.0.0.1", 0), Healthy) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        here = code.replace("8765", str(server.server_port))
        healthy = subprocess.run([sys.executable, "-c", here], capture_output=True)
        missing = subprocess.run([sys.executable, "-c", here.replace("/health", "/none")], capture_output=True)
        server.shutdown()
    gone = subprocess.run([sys.executable, "-c", here], capture_output=True)
    assert healthy.returncode == 0 and missing.returncode != 0 and gone.returncode != 0


def test_the_linter_finds_faults_in_a_loose_file(tmp_path):
    hadolint = Path(sys.executable).with_name("hadolint")
    if not hadolint.exists():
        pytest.skip("hadolint is not installed; `make check` installs it where there is a wheel")
    (tmp_path / "Containerfile").write_text("FROM python:latest\nUSER root\n")
    done = subprocess.run([hadolint, "--no-color", tmp_path / "Containerfile"], capture_output=True, text=True)
    assert done.returncode == 1 and "DL3007" in done.stdout and "DL3002" in done.stdout
