from __future__ import annotations

import io
import os
import struct
import tarfile

import numpy as np
import pytest

from tests.pictures import png, shard
from twinlens.core.types import TwinlensError
from twinlens.media import finding, images, sources


def test_a_member_is_read_where_it_lies(tmp_path):
    tar = shard(tmp_path / "s.tar", {"000.png": png(0), "dir/001.png": png(1), "000.txt": "a dog"})
    for name, content in {"000.png": png(0), "dir/001.png": png(1), "000.txt": b"a dog"}.items():
        assert sources.status(tar / name) == (len(content), tar.stat().st_mtime_ns)
        with sources.open_file(tar / name) as file:
            assert file.read(3) == content[:3] and file.seek(-2, os.SEEK_END) == len(content) - 2
            assert file.read() == content[-2:] and file.seek(0) == 0 and file.read() == content
    assert finding.find(tmp_path) == finding.find(tar) == [tar / "000.png", tar / "dir/001.png"]
    assert images.load(tar / "dir/001.png").size == (8, 6)
    assert sorted(sources.names(tar)) == ["000.png", "000.txt"] and list(sources.names(tar / "dir")) == ["001.png"]


@pytest.mark.parametrize("how", [{"format": tarfile.USTAR_FORMAT}, {"format": tarfile.GNU_FORMAT}, {}])
def test_every_dialect_of_tar(tmp_path, how):
    name = f"{'long/' * 30}ä b.png"  # longer than a plain header has room for
    tar = shard(tmp_path / "s.tar", {f"./{name}": png(0)}, **how)
    assert finding.find(tmp_path) == [tar / name]
    assert images.load(tar / name).size == (8, 6)


def test_what_is_not_there(tmp_path):
    tar = shard(tmp_path / "s.tar", {"a.png": png(0)})
    for missing in (tar / "b.png", tmp_path / "t.tar" / "a.png"):
        assert not sources.exists(missing)
        with pytest.raises(FileNotFoundError):
            sources.open_file(missing)
        with pytest.raises(images.BadPicture, match="No such file"):
            images.load(missing)
    assert sources.exists(tar / "a.png")
    (tmp_path / "folder.tar").mkdir()
    (tmp_path / "folder.tar" / "c.png").write_bytes(png(1))
    assert sources.exists(tmp_path / "folder.tar" / "c.png")
    assert finding.find(tmp_path) == [tmp_path / "folder.tar" / "c.png", tar / "a.png"]


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "p.png")
    with pytest.raises(OSError, match="it is not a file"):
        sources.open_file(tmp_path / "p.png")


def test_links_and_names_that_lead_out_are_passed_over(tmp_path):
    (tmp_path / "secret.png").write_bytes(png(9))
    with tarfile.open(tmp_path / "s.tar", "w") as tar:
        for name in ("../secret.png", str(tmp_path / "secret.png"), "a/../../secret.png", "good.png"):
            member = tarfile.TarInfo(name)
            member.size = len(png(1))
            tar.addfile(member, io.BytesIO(png(1)))
        for name, kind in (
            ("soft.png", tarfile.SYMTYPE),
            ("hard.png", tarfile.LNKTYPE),
            ("pipe.png", tarfile.FIFOTYPE),
        ):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, str(tmp_path / "secret.png")
            tar.addfile(member)
    assert finding.find(tmp_path / "s.tar") == [tmp_path / "s.tar" / "good.png"]


def test_a_cut_shard_keeps_what_stands_before_the_cut(tmp_path):
    tar = shard(tmp_path / "s.tar", {f"{n}.png": png(n) for n in range(3)})
    start, size = sources.read_shard(tar).parts["2.png"]
    os.truncate(tar, start + size // 2)
    found = sources.read_shard(tar)
    assert "what stands before is taken" in str(found.fault)
    assert finding.find(tar) == [tar, *(tar / f"{n}.png" for n in range(3))]
    assert images.load(tar / "1.png").size == (8, 6)
    with pytest.raises(images.BadPicture, match="its tar ends before it does"):
        images.load(tar / "2.png")
    with pytest.raises(images.BadPicture, match="cut off or damaged"):
        images.load(tar)
    assert sources.exists(tar) and sources.exists(tar / "never-read.png")


def test_a_shard_that_is_whole_is_no_picture(tmp_path):
    tar = shard(tmp_path / "s.tar", {"a.txt": "no picture"})
    assert not sources.exists(tar)
    with pytest.raises(images.BadPicture, match="is a tar, not a picture"):
        images.load(tar)
    with pytest.raises(TwinlensError, match="there are no pictures in"):
        finding.find(tar)


def numbered(size: bytes, kind: bytes) -> bytes:
    """A tar header that says this of itself, its checksum right."""
    header = bytearray(struct.pack("100s8s8s8s12s12s8s1s100s6s2s247s", b"a.png", *[b"0000644\0"] * 3, size, b"0" * 11,
                                   b" " * 8, kind, b"", b"ustar\0", b"00", b""))  # fmt: skip
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header)


@pytest.mark.parametrize("kind", [b"0", b"x", b"L"])
@pytest.mark.parametrize("size", [b"\xff" * 10 + b"\xf8\x00", b"\x80" + b"\0" * 5 + b"\x7f" * 6, b"77777777777\0"])
def test_a_header_that_lies_about_its_size_neither_hangs_nor_fills_the_memory(tmp_path, kind, size):
    (tmp_path / "s.tar").write_bytes(numbered(size, kind) + png(0).ljust(1024, b"\0"))
    assert sources.read_shard(tmp_path / "s.tar").fault is not None


def test_whatever_happens_to_a_tar_it_is_read_or_refused(tmp_path):
    rng = np.random.default_rng(0)
    whole = shard(tmp_path / "whole.tar", {f"{'d' * 120}/{n}.png": png(n) for n in range(4)}).read_bytes()
    for n in range(300):
        data = bytearray(whole[: rng.integers(600, len(whole))] if n % 3 == 0 else whole)
        for spot in rng.integers(len(data), size=rng.integers(1, 30)):
            data[spot] = rng.integers(256)
        path = tmp_path / f"{n}.tar"
        path.write_bytes(data)
        for found in finding.find(path) if sources.read_shard(path).parts else []:
            try:
                images.load(found)
            except images.BadPicture as error:
                assert "\n" not in str(error)
