"""How a process of the command line ends: threads, executors, streams that are closed or full."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from twinlens import cli


def ended(body, **options):
    """Run `cli.entry` in a process whose only command has this body."""
    program = (
        "import atexit, os, signal, sys, threading, time; from concurrent import futures;"
        "from types import SimpleNamespace as S;"
        "from twinlens import cli; from twinlens.core import variants;"
        "variants.load = lambda folder, name: S(HELP='h', EXAMPLES='e', add_arguments=lambda p: None, run=run);"
        "sys.argv = ['twinlens', 'greet', '--json']\n"
        f"def run(args):\n    {body}\n    return {{}}\ncli.entry()"
    )
    return subprocess.run([sys.executable, "-c", program], stderr=subprocess.PIPE, text=True, check=False, **options)


def test_a_process_that_ends_at_once_has_done_what_was_left_to_the_end():
    later = "threading.Thread(target=lambda: (time.sleep(0.2), print('thread', file=sys.stderr))).start()"
    done = ended(f"atexit.register(print, 'end', file=sys.stderr); {later}", stdout=subprocess.PIPE)
    assert (done.returncode, done.stdout.strip()) == (0, "{}")
    assert done.stderr.split() == ["thread", "end"]


def test_an_executor_that_is_left_open_ends_with_the_process():
    body = "global left; left = futures.ThreadPoolExecutor(1); left.submit(time.sleep, 0.2)"
    done = ended(body, stdout=subprocess.DEVNULL, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(os.name == "nt", reason="sends the signal of Ctrl-C")
def test_a_ctrl_c_while_a_thread_is_waited_for_ends_the_process():
    body = """
    def stop():  # an earlier one would stop the command, and the thread still be waited for
        while sys._current_frames()[threading.main_thread().ident].f_code.co_name != "_shutdown":
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # jobs in the background of a shell ignore Ctrl-C
    [threading.Thread(target=run).start() for run in (lambda: time.sleep(90), stop)]
    """
    done = ended(body, stdout=subprocess.DEVNULL, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(os.name == "nt", reason="closes a file descriptor before the program starts, as a shell does")
def test_a_closed_standard_output_is_no_error():
    done = ended("pass", preexec_fn=lambda: os.close(1))
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(os.name == "nt", reason="closes a file descriptor before the program starts, as a shell does")
def test_a_closed_standard_error_is_no_error():
    done = ended("print('said', file=sys.stderr)", preexec_fn=lambda: os.close(2), stdout=subprocess.PIPE)
    assert (done.returncode, done.stdout.strip()) == (0, "{}")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_device_is_told_by_the_exit_code_and_where_possible_in_a_line():
    line = [sys.executable, "-m", "twinlens"]
    environment = {**os.environ, "PYTHONUNBUFFERED": ""}
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        for arguments in (["no-such-command"], ["--help"], ["search", "--help"]):
            done = subprocess.run([*line, *arguments], env=environment, stdout=full, stderr=full, check=False)
            assert done.returncode == cli.MISTAKE, arguments
        told = subprocess.run([*line, "--help"], env=environment, stdout=full, stderr=subprocess.PIPE, check=False)
    assert told.stderr == b"twinlens: No space left on device; make room and run the same command again\n"
