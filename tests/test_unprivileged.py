"""Tests run as an ordinary user, and continuous integration leaves none of them out."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

import pytest

from tests import unprivileged

ROOT = Path(__file__).resolve().parents[1]
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="users and mounts of Linux")


def test_a_body_runs_without_capabilities_as_another_user_than_root():
    def body():
        status = dict(line.split(":\t", 1) for line in Path("/proc/self/status").read_text().splitlines())
        assert {int(status[name], 16) for name in ("CapEff", "CapPrm", "CapInh", "CapAmb")} == {0}
        assert 0 not in {*os.getresuid(), *os.getresgid(), *os.getgroups()}

    unprivileged.run(body)


def test_mounts_are_seen_by_their_test_alone():
    with unprivileged.home() as home:

        def body():
            unprivileged.mount(home)
            (home / "mounted").touch()

        unprivileged.run(body, mounts=True)
        assert list(home.iterdir()) == []


def test_what_fails_in_the_body_fails_the_test():
    with pytest.raises(AssertionError, match="it is wrong"):
        unprivileged.run(lambda: pytest.fail("it is wrong"))
    with pytest.raises(AssertionError, match="ended with"):
        unprivileged.run(lambda: os._exit(3))


@pytest.mark.parametrize("mounts", [False, True])
def test_what_must_run_is_not_skipped(monkeypatch, mounts):
    class Refusing:
        """A system that lets no user have a namespace."""

        prctl = staticmethod(lambda *_: 0)
        unshare = staticmethod(lambda _: ctypes.set_errno(1) or -1)

    monkeypatch.setattr(unprivileged, "_libc", Refusing)
    body = (lambda: None) if mounts else (lambda: pytest.skip("there is none"))
    monkeypatch.delenv(unprivileged.MUST, raising=False)
    with pytest.raises(pytest.skip.Exception):
        unprivileged.run(body, mounts=mounts)
    monkeypatch.setenv(unprivileged.MUST, "must")
    with pytest.raises(pytest.fail.Exception, match=r"must run: (there is none|this system lets no)"):
        unprivileged.run(body, mounts=mounts)


def test_continuous_integration_leaves_none_out():
    lines = [line.split("#")[0].strip() for line in (ROOT / ".ci" / "run").read_text().splitlines()]
    assert lines.index(f"export {unprivileged.MUST}=must") < lines.index("make test")
