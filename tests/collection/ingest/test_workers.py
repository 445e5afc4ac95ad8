"""Worker processes."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import threadpoolctl

from tests.processes import gone
from twinlens.collection.ingest.workers import Pool
from twinlens.core import system


def _most_threads(factor: int, size: int) -> int:
    """What the widest of the libraries that multiply matrices would use here, after one product."""
    one = np.ones((size, size))
    assert (one @ one)[0, 0] * factor == size * factor
    return max(pool["num_threads"] for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas")


def test_a_worker_multiplies_with_one_thread() -> None:
    pool = Pool(_most_threads, 2, seconds=60, memory=1 << 30)
    with threadpoolctl.threadpool_limits(4, user_api="blas"):
        try:
            assert pool.ask(300) == 1
        finally:
            pool.stop()


LEFT_BEHIND = """
import gc, os
from twinlens.collection.ingest.workers import Pool

class Session:
    \"\"\"Ends only where it was made, as a network's session waits for its threads.\"\"\"

    def __init__(self):
        self.cycle, self.process = self, os.getpid()

    def __del__(self):
        assert os.getpid() == self.process or os._exit(9)

def work(shared, job):
    gc.collect()
    return job

gc.disable()
Session()
pool = Pool(work, None, seconds=60, memory=1 << 30)
print(pool.ask("answered"))
pool.stop()
"""


@pytest.mark.skipif(not system.forks(), reason="a process that is no fork inherits nothing")
def test_a_worker_collects_nothing_that_the_parent_left() -> None:
    done = subprocess.run([sys.executable, "-c", LEFT_BEHIND], capture_output=True, text=True, timeout=100)
    assert done.stdout == "answered\n", done.stderr


COMPUTING = """
from operator import add
from threading import Event, Thread

import numpy as np

from twinlens.collection.ingest.workers import Pool
from twinlens.core.system import computing

def multiply():
    while not done.is_set():
        with computing():
            wide @ other

wide, other, done = np.ones((2000, 512), np.float32), np.ones((512, 1000), np.float32), Event()
thread = Thread(target=multiply)
thread.start()
for job in range(60):
    pool = Pool(add, 1, seconds=60, memory=1 << 30)
    assert pool.ask(job) == job + 1
    pool.stop()
done.set()
thread.join(60)
print("ended" if not thread.is_alive() else "hangs")
"""


@pytest.mark.skipif(not system.forks(), reason="only a fork stops the threads of OpenBLAS")
def test_workers_start_while_another_thread_multiplies_matrices(tmp_path) -> None:
    """A fork would stop the threads of OpenBLAS in the midst of a product, and neither would ever end."""
    program = tmp_path / "program.py"
    program.write_text(COMPUTING)
    done = subprocess.run([sys.executable, program], capture_output=True, text=True, timeout=100)
    assert done.stdout == "ended\n", done.stderr


SPAWNED = """
from operator import add
from twinlens.collection.ingest.workers import Pool
from twinlens.core import system

system.NAME = "macos"  # where workers are spawned

class Mine:
    pass

def same(shared, job):
    return type(shared) is type(job)

print("began")
if {guarded}:
    pool = Pool({work}, {shared}, seconds=60, memory=1 << 30)
    print(pool.ask({job}))
    pool.stop()
"""


@pytest.mark.parametrize(
    ("program", "printed"),
    [
        ({"guarded": "True", "work": "add", "shared": "1", "job": "2"}, ["began", "3"]),
        (
            {"guarded": '__name__ == "__main__"', "work": "same", "shared": "Mine()", "job": "Mine()"},
            ["began", "began", "True"],
        ),
    ],
)
def test_a_program_is_run_again_only_for_what_it_defines_itself(program, printed, tmp_path) -> None:
    path = tmp_path / "program.py"
    path.write_text(SPAWNED.format(**program))
    done = subprocess.run([sys.executable, path], capture_output=True, text=True, timeout=100)
    assert sorted(done.stdout.splitlines()) == sorted(printed), done.stderr


def test_a_worker_starts_within_a_search_that_waits_for_it() -> None:
    """As where a query's picture has killed the worker before."""
    pool = Pool(str.__add__, "job ", seconds=60, memory=1 << 30)
    try:
        with system.computing():
            assert pool.ask("one") == "job one"
    finally:
        pool.stop()


KILLED_AT_WORK = """
import os, signal, sys, time
from threading import Thread
from twinlens.collection.ingest.workers import Pool
from twinlens.core import system

def work(shared, job):
    print(os.getpid(), os.getppid(), flush=True)
    time.sleep(600)

if __name__ == "__main__":
    system.QUIET_SECONDS = 0.0
    with system.computing():
        Pool(work, None, seconds=600, memory=1 << 30).ask(None)
"""


@pytest.mark.skipif(not system.forks(), reason="there is no process apart that starts others")
def test_a_worker_of_the_process_apart_ends_at_work_with_the_program_that_is_killed(tmp_path) -> None:
    (tmp_path / "program.py").write_text(KILLED_AT_WORK)
    with subprocess.Popen([sys.executable, "program.py"], cwd=tmp_path, stdout=subprocess.PIPE) as program:
        worker, starter = map(int, program.stdout.readline().split())
        assert starter != program.pid
        program.kill()
        assert gone({program.pid, worker, starter}) < 10
