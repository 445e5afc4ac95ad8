"""SIGTERM, Ctrl-C and the kill of a command end its worker processes within two seconds."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.processes import descendants, gone, heed_ctrl_c
from twinlens.core.recipe import find_recipe

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
SECONDS = 2.0
STOPPED = "twinlens: stopped; run the same command again to go on"
COMMANDS = {
    "evaluate": "evaluate --protocol paper --data scenes=60 --repeats 2 --epochs 5000",
    "compare": "compare --fusions tirg,gate --data scenes=8 --repeats 2 --epochs 2000 --workers 2",
    "train": "train --recipe brief.toml --protocol edits --data scenes=60 --epochs 2000 --out model --workers 2",
}


def working(process: int) -> bool:
    """Whether a process has imported torch, and computes."""
    try:
        return "torch" in Path(f"/proc/{process}/maps").read_text() and seconds_of(process) > 0.2
    except OSError:
        return False


def seconds_of(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def started(name: str, folder: Path) -> Iterator[tuple[subprocess.Popen, set[int]]]:
    """A command in a session of its own whose two workers are at work, and these."""
    brief = find_recipe("compact")
    brief = brief.model_copy(update={"training": brief.training.model_copy(update={"batch_size": 8})})
    (folder / "brief.toml").write_text(brief.to_toml())
    with subprocess.Popen(
        [sys.executable, "-m", "twinlens", *COMMANDS[name].split(), "--device", "cpu"],
        cwd=folder,
        env={**os.environ, "XDG_CACHE_HOME": str(folder / "cache"), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=heed_ctrl_c,
        start_new_session=True,
    ) as process:
        try:
            until(lambda: sum(map(working, descendants(process.pid))) >= 2, 300, process)
            yield process, set(filter(working, descendants(process.pid)))
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def until(true, seconds: float, process: subprocess.Popen) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.1)


def least(measure: Callable[[], float]) -> float:
    """The least of up to three measurements: what else the machine does can only delay."""
    took = [measure()]
    while min(took) >= SECONDS and len(took) < 3:
        took.append(measure())
    return min(took)


@pytest.mark.parametrize("name", COMMANDS)
def test_sigterm_ends_the_workers(tmp_path, name):
    def end() -> float:
        with started(name, tmp_path) as (process, workers):
            assert len(workers) >= 2
            process.send_signal(signal.SIGTERM)
            took = gone(workers)
            assert process.wait(120) == 143
            assert process.stderr.read().splitlines()[-1] == STOPPED
        return took

    assert least(end) < SECONDS


@pytest.mark.parametrize("name", COMMANDS)
def test_ctrl_c_in_a_terminal_reaches_all_processes_and_is_one_line(tmp_path, name):
    def end() -> float:
        with started(name, tmp_path) as (process, workers):
            os.killpg(process.pid, signal.SIGINT)
            took = gone(workers)
            assert process.wait(120) == 130
            told = process.stderr.read()
            assert told.splitlines()[-1] == STOPPED and "Traceback" not in told
        return took

    assert least(end) < SECONDS


def test_workers_end_with_a_command_that_is_killed(tmp_path):
    def end() -> float:
        with started("train", tmp_path) as (process, workers):
            process.kill()
            return gone(workers)

    assert least(end) < SECONDS
