"""Folders in which every kind of odd file lies: each costs one line, and nothing else."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import pytest

from tests.pictures import ALONE, counts, draw, png, shard
from twinlens.collection.ingest import Options, scan, watch
from twinlens.core.types import TwinlensError

YEAR_2300 = 10_413_792_000


def sparse(path: Path, size: int, start: bytes = b"") -> None:
    with path.open("wb") as file:
        file.write(start)
        file.truncate(size)


def link_out(path: Path) -> None:
    """A link to a file that exists, outside the folder."""
    secret = path.parent.parent / f"secret-{path.name}"
    secret.write_text("file_name,text\n0.png,secret\n")
    path.symlink_to(secret)


def damaged_shard(path: Path) -> None:
    shard(path, {"k.png": png(7), "k.txt": "a dog"})
    path.write_bytes(path.read_bytes()[:300])


PROBLEMS = {
    "metadata.csv": lambda path: path.write_bytes("file_name,text\n0.png,Straße\n".encode("cp1252")),
    "metadata.jsonl": lambda path: path.write_text('{"file_name": "0.png", "deep": ' + "[" * 600 + "]" * 600 + "}\n"),
    "metadata.parquet": os.mkfifo,
    "0.txt": os.mkfifo,
    "0.json": lambda path: path.mkdir(),
    "2.txt": lambda path: path.write_bytes(b"\xff\xfea\0b"),  # half a character of UTF-16
    "2.json": link_out,
    "4.json": lambda path: path.write_text("{" * 100_000),
    "4.txt": lambda path: sparse(path, 2**33),
}
"""Odd files beside pictures: a line among the report's problems."""
FAILURES = {
    "pipe.png": os.mkfifo,
    "terabyte.png": lambda path: sparse(path, 2**40, b"\x89PNG\r\n\x1a\n"),
    "nowhere.png": lambda path: path.symlink_to("gone.png"),
    "loop.png": lambda path: path.symlink_to("loop.png"),
    "damaged.tar": damaged_shard,
    "packed.tar.gz": lambda path: path.write_bytes(b"\x1f\x8b"),
}
"""Odd files in place of pictures: a reason among the report's failures."""


def make(folder: Path, kinds) -> None:
    for name, kind in kinds.items():
        kind(folder / name)


@pytest.mark.parametrize("workers", [0, 2])
def test_all_of_them_together_stop_nothing(collection, pictures, workers):
    make(pictures, PROBLEMS | FAILURES)
    os.utime(pictures / "0.png", (YEAR_2300, YEAR_2300))
    report = collection.add(pictures, options=Options(workers=workers))
    assert counts(report) == {"added": 6, "failed": len(FAILURES)}
    assert sorted(path.name for paths in report.failures.values() for path in paths) == sorted(FAILURES)
    assert len(report.problems) == len(PROBLEMS) and not any("\n" in line for line in report.problems)
    for name in PROBLEMS:
        assert len([line for line in report.problems if f"{pictures / name}" in line]) == 1, name
    again = collection.add(pictures, options=Options(workers=workers))
    assert again.unchanged == 6 and again.skipped + again.failed == len(FAILURES)
    assert again.problems == report.problems
    assert collection.verify() == []


def test_each_of_them_comes_and_goes_while_a_folder_is_watched(collection, pictures):
    reports, told = [], []
    odd = PROBLEMS | FAILURES
    steps = iter([*(item for item in odd.items()), *((name, None) for name in odd)])

    def act() -> None:
        reports.append(collection.add(pictures, options=ALONE))

    def step(_seconds: float) -> None:
        name, kind = next(steps, (None, None))
        if name is None:
            raise KeyboardInterrupt
        if kind:
            kind(pictures / name)
        else:
            path = pictures / name
            path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()

    looks = iter(range(10**6))
    with pytest.raises(KeyboardInterrupt):
        # Each look differs from the one before it, and is taken once it is seen twice.
        watch(lambda: str(next(looks) // 2).encode(), act, told.append, every=0.001, sleep=step)
    assert told == [] and len(reports) > len(odd) / 2
    act()
    last = collection.add(pictures, options=ALONE)
    assert counts(last) == {"unchanged": 6} and last.problems == []
    assert max(len(report.problems) for report in reports) >= len(PROBLEMS) - 1


def test_a_wrong_root_is_one_line(tmp_path):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    os.mkfifo(tmp_path / "pipe")
    for name in ("loop", "pipe", "none"):
        with pytest.raises(TwinlensError) as error:
            scan([tmp_path / name]).check(None)
        assert name in str(error.value) and "\n" not in str(error.value)


def test_a_member_that_claims_gigabytes_costs_its_own_caption_alone(collection, pictures):
    with tarfile.open(pictures / "s.tar", "w") as tar:
        for name, data in (("k.png", png(7)), ("k.txt", b"a dog")):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
        head = tarfile.TarInfo("metadata.csv")
        head.size = 2**34
        tar.fileobj.write(head.tobuf())
        tar.offset += 512
        tar.fileobj.seek(2**34, os.SEEK_CUR)
        tar.offset += 2**34
    report = collection.add(pictures, options=ALONE)
    assert counts(report) == {"added": 7}
    (problem,) = report.problems
    assert "metadata.csv: it has 17,179,869,184 bytes, more than" in problem
    (hit,) = collection.search(text="dog", k=1)
    assert hit.sample.text == "a dog"
    draw(pictures / "new.png", 11)
    assert counts(collection.add(pictures, options=ALONE)) == {"added": 1, "unchanged": 7}
