from __future__ import annotations

import os
import stat
import sys

import pytest

from twinlens.core.atomic import whole_file


def test_a_file_appears_when_it_is_complete(tmp_path):
    path = tmp_path / "new" / "a.json"
    with whole_file(path) as beside:
        beside.write_text("half")
        assert not path.exists() and beside.parent == path.parent
        beside.write_text("whole")
    assert path.read_text() == "whole" and list(path.parent.iterdir()) == [path]


def test_an_error_leaves_what_was_there(tmp_path):
    path = tmp_path / "a.json"
    path.write_text("old")
    with pytest.raises(OSError, match="full"), whole_file(path) as beside:
        beside.write_text("ha")
        raise OSError("the disk is full")
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]
    with pytest.raises(KeyboardInterrupt), whole_file(path):
        raise KeyboardInterrupt
    assert path.read_text() == "old"


@pytest.mark.skipif(sys.platform == "win32", reason="permissions of POSIX")
@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_a_file_has_the_permissions_of_any_new_one_whoever_writes_it(tmp_path, umask):
    before = os.umask(umask)
    try:
        for name in ("new", "new"):  # and in place of an earlier one
            with whole_file(tmp_path / name) as beside:
                beside.unlink()
                os.close(os.open(beside, os.O_CREAT | os.O_WRONLY, 0o600))
            assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o666 & ~umask
    finally:
        os.umask(before)
