"""The hosted workflow: pinned, without rights or secrets, on every system and Python; and its linters do lint."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / ".github" / "workflows" / "ci.yml").read_text("utf-8")
WORKFLOW = yaml.safe_load(TEXT)
JOBS = WORKFLOW["jobs"]
STEPS = [step for job in JOBS.values() for step in job["steps"]]
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
LOOSE = """
on: pull_request_target
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v5
      - run: echo ${{ github.event.pull_request.title }}
"""


def tool(name: str) -> str:
    path = Path(sys.executable).with_name(name)
    if not path.exists():
        pytest.skip(f"{name} is not installed; `make check` installs it")
    return str(path)


def test_three_systems_and_every_python_are_tested():
    matrix = JOBS["test"]["strategy"]["matrix"]
    assert {name.split("-")[0] for name in matrix["system"]} == {"ubuntu", "macos", "windows"}
    assert matrix["python"] == ["3.11", "3.12", "3.13", "3.14"]
    assert JOBS["test"]["strategy"]["fail-fast"] is False


def test_it_may_only_read_and_knows_no_secrets():
    assert WORKFLOW["permissions"] == {"contents": "read"} and "secrets" not in TEXT
    assert all("permissions" not in job and job["timeout-minutes"] <= 90 for job in JOBS.values())
    assert WORKFLOW["concurrency"]["cancel-in-progress"] is True


def test_actions_are_pinned_to_commits_whose_version_is_named():
    used = re.findall(r"uses: (.+)", TEXT)
    assert len(used) == sum("uses" in step for step in STEPS) > 0
    assert all(re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line) for line in used)
    checkouts = [step for step in STEPS if step.get("uses", "").startswith("actions/checkout@")]
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_it_calls_what_the_makefile_has():
    called = re.findall(r"make ([\w-]+)", "\n".join(step.get("run", "") for step in JOBS["check"]["steps"]))
    assert called == ["check", "docs", "release-check"]
    assert all(f"\n{target}:" in MAKEFILE for target in called)
    (install,) = [step["run"] for step in JOBS["test"]["steps"] if step.get("name") == "Install with hashes"]
    pip = [line for line in install.splitlines() if " pip install" in line]
    assert all("--require-hashes" in line or "-c constraints.txt -b constraints.txt" in line for line in pip)
    assert 'not servers and not cluster"' in TEXT and '-m "not servers and not cluster"' in MAKEFILE


def test_the_lowest_versions_are_tested_as_contributors_install_them():
    install, test = (step["run"] for step in JOBS["lowest"]["steps"] if "run" in step)
    lowest = "--resolution lowest-direct -b constraints.txt -e '.[test]'"
    assert install.rstrip().endswith(lowest) and lowest in (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    assert test in [step.get("run") for step in JOBS["test"]["steps"]]


def test_continuous_integration_checks_the_site_and_the_release_and_ends_with_tests():
    lines = (ROOT / ".ci" / "run").read_text("utf-8").splitlines()
    made = [line.partition("#")[0].split()[1:] for line in lines if line.startswith("make ")]
    targets = [word for words in made for word in words if not word.startswith("-")]
    assert {"check", "docs", "release-check", "test"} <= set(targets) and targets[-1].startswith("test")


def test_the_linter_finds_faults_in_a_loose_workflow(tmp_path):
    (tmp_path / "loose.yml").write_text(LOOSE)
    done = subprocess.run([tool("zizmor"), "--offline", "--no-progress", "loose.yml"], cwd=tmp_path,
                          capture_output=True, text=True)  # fmt: skip
    assert done.returncode != 0
    for fault in ("unpinned-uses", "template-injection", "dangerous-triggers"):
        assert fault in done.stdout


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ("vendor.github-workflows", "on: push\njobs:\n  test:\n    steps: []\n"),
        ("vendor.citation-file-format", "cff-version: 1.2.0\ntitle: twinlens\n"),
    ],
)
def test_the_schemas_refuse_what_lacks_a_field(tmp_path, schema, text):
    (tmp_path / "wrong.yml").write_text(text)
    command = [tool("check-jsonschema"), "--builtin-schema", schema, tmp_path / "wrong.yml"]
    assert subprocess.run(command, capture_output=True, text=True).returncode == 1
