from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from tests.processes import descendants, gone, heed_ctrl_c
from twinlens.core import processes

SCRIPT = """
import sys, time
from twinlens.core import processes

def work(seconds):
    time.sleep(seconds)
    return seconds

if __name__ == "__main__":
    with processes.pool(3, time.sleep, (0.01,)) as pool:
        with processes.held_signals():
            waiting = [pool.submit(work, 600.0) for _ in range(5)]
        print("working", flush=True)
        for future in processes.completed(waiting):
            future.result()
"""
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.mark.parametrize("delay", [0.0, 0.5])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("group", [False, True])
def test_workers_end_with_who_started_them(tmp_path, number, group, delay):
    (tmp_path / "script.py").write_text(SCRIPT)
    with subprocess.Popen(
        [sys.executable, "script.py"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=heed_ctrl_c,
    ) as process:
        assert process.stdout.readline() == b"working\n"
        time.sleep(delay)
        workers = descendants(process.pid)
        assert len(workers) >= 3
        os.killpg(process.pid, number) if group else process.send_signal(number)
        assert gone({process.pid, *workers}) < 2
        assert process.stderr.read().count(b"Traceback") == (number == signal.SIGINT)  # our own: no one catches it


def _square(number: int) -> int:
    return number * number


def _fail(_: int) -> int:
    raise ValueError("it is odd")


def test_a_pool_works(monkeypatch):
    with processes.pool(2, os.chdir, ("/",)) as pool:
        futures = [pool.submit(_square, n) for n in range(5)]
        assert [future.result() for future in futures] == [0, 1, 4, 9, 16]
        assert pool.submit(os.getcwd).result() == "/"


@pytest.mark.parametrize("value", ["one", "another"])
def test_a_pool_has_the_environment_of_its_start(monkeypatch, value):
    monkeypatch.setenv("TWINLENS_TEST_VALUE", value)
    with processes.pool(1) as pool:
        assert pool.submit(os.getenv, "TWINLENS_TEST_VALUE").result() == value


def test_an_error_does_not_wait_for_the_work_at_hand():
    started = time.monotonic()
    with pytest.raises(ValueError, match="odd"), processes.pool(2) as pool:
        pool.submit(time.sleep, 600)
        for future in processes.completed([pool.submit(_fail, 1)]):
            future.result()
    assert time.monotonic() - started < 300 and not multiprocessing.active_children()


@pytest.fixture
def interruptible():
    """Ctrl-C as programs have it that a person started; those in the background of a script ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("others", [0, 3])
def test_held_signals_come_at_the_end_whichever_thread_they_reach(others, interruptible):
    done, ended = [], threading.Event()
    threads = [threading.Thread(target=ended.wait) for _ in range(others)]
    for thread in threads:
        thread.start()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with pytest.raises(KeyboardInterrupt), processes.held_signals():
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.05)
            done.append(1)
    finally:
        ended.set()
    assert done == [1] and {number: signal.getsignal(number) for number in before} == before


def test_processes_of_other_libraries_are_killed_on_an_error():
    with pytest.raises(ValueError, match="x"), processes.killed_on_error():
        multiprocessing.get_context("fork").Process(target=time.sleep, args=(600,), daemon=True).start()
        raise ValueError("x")
    assert not multiprocessing.active_children()


def test_memory_is_limited_in_the_process_alone_that_asks():
    code = "from twinlens.core.processes import limit_memory; limit_memory(50_000_000); bytearray(200_000_000)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1 and "MemoryError" in done.stderr
    assert len(bytearray(200_000_000)) == 200_000_000


@pytest.mark.parametrize(("code", "text"), [(None, "exit code None"), (3, "exit code 3"), (-9, "SIGKILL")])
def test_endings_have_names(code, text):
    assert processes.ending(code) == text
