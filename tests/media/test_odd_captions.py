"""One odd file beside the pictures costs one line, and no caption of another file."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import numpy as np
import pyarrow as arrow
import pytest
from PIL import Image
from pyarrow import parquet as written

from tests.pictures import shard
from twinlens.core import system
from twinlens.core.types import TwinlensError
from twinlens.media import sources
from twinlens.media.captions import Caption, Captions, parquet, read_table, tables

GOOD = "file_name,text\na.png,a dog\n"
CP1252 = "file_name,text\na.png,Straße in Köln\n".encode("cp1252")
NESTED = '{"file_name": "a.png", "text": "x", "deep": ' + '{"a": ' * 600 + "1" + "}" * 600 + "}"


@pytest.fixture
def folder(tmp_path):
    root = tmp_path.resolve() / "pictures"
    (root / "sub").mkdir(parents=True)
    for name in ("a.png", "sub/b.png"):
        Image.fromarray(np.zeros((4, 4, 3), dtype=np.uint8)).save(root / name)
    (root / "sub" / "b.txt").write_text("a good one")
    return root


def asked(folder: Path, **how) -> tuple[Caption | None, list[str]]:
    """The caption of a.png, and the problems; b.png keeps its own whatever lies above it."""
    captions = Captions(folder, **how)
    said = captions.of(folder / "a.png")
    assert captions.of(folder / "sub" / "b.png") == Caption("a good one")
    return said, captions.problems


@pytest.mark.parametrize(
    ("name", "content", "line"),
    [
        ("metadata.csv", b"id;label\n1;cat\n", "has no column of paths"),
        ("metadata.csv", CP1252, "not UTF-8"),
        ("metadata.csv", b'file_name,text\nz.png,one\n1.png,"tw', "row 2: a quotation mark is opened"),
        ("metadata.csv", b'file_name,text\nz.png,"abc\n1.png,one\n2.png,two\n', "row 1: a quotation mark is opened"),
        ("metadata.csv", b"file_name,text\nz.png," + b"x" * 200_000 + b"\n", "field larger"),
        ("metadata.csv", b"x" * 300_000, "field larger"),
        ("metadata.jsonl", b'{"file_name": "z.png", "text": "cat",}\n', "line 1: not valid JSON"),
        ("metadata.jsonl", b"[1]\n", "line 1: not a JSON object"),
        ("metadata.jsonl", NESTED.encode(), "row 1: a value is nested more than 64 deep"),
        ("metadata.jsonl", b"[" * 100_000, "line 1: is nested too deep"),
        (
            "metadata.jsonl",
            json.dumps({"file_name": "z.png", "text": "x" * 200_000}).encode(),
            "row 1: a text is longer",
        ),
        ("metadata.jsonl", b'{"file_name": "z.png", "n": ' + b"9" * 5000 + b"}", "not valid JSON"),
        ("metadata.jsonl", b"\xff\xfe{", "not UTF-16"),
        ("metadata.parquet", b"PAR1 and no more", "cannot read the captions"),
        ("metadata.parquet", b"", "cannot read the captions"),
        ("a.txt", b"\xff\xfea\0b", "it is not UTF-16"),
        ("a.txt", b"x" * (2**20 + 1), "more than 1,048,576 bytes"),
        ("a.json", NESTED.encode(), "nested more than 64 deep"),
        ("a.json", b"[" * 100_000, "nested too deep"),
        ("a.json", b'{"text": ', "no caption could be read"),
        ("a.json", CP1252, "it is not UTF-8"),
    ],
)
def test_an_odd_file_is_one_line(folder, name, content, line):
    (folder / name).write_bytes(content)
    said, problems = asked(folder)
    assert said is None
    (problem,) = problems
    assert str(folder / name) in problem and line in problem and "\n" not in problem


@pytest.mark.parametrize("name", ["metadata.csv", "metadata.jsonl", "a.txt"])
@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf"])
def test_a_file_that_is_empty_says_nothing(folder, name, content):
    (folder / name).write_bytes(content)
    said, problems = asked(folder)
    assert said in (None, Caption()) and problems == []


@pytest.mark.parametrize("name", ["metadata.csv", "metadata.jsonl", "metadata.parquet", "a.json", "a.txt"])
@pytest.mark.parametrize("kind", ["folder", "pipe", "dead link", "loop", "device"])
def test_what_is_no_file_is_one_line_and_is_not_waited_for(folder, name, kind):
    make = {
        "folder": lambda path: path.mkdir(),
        "pipe": os.mkfifo,
        "dead link": lambda path: path.symlink_to(folder / "gone"),
        "loop": lambda path: path.symlink_to(path),
        "device": lambda path: path.symlink_to("/dev/zero"),
    }
    make[kind](folder / name)
    started = time.monotonic()
    said, problems = asked(folder)
    assert said is None and len(problems) == 1 and name in problems[0]
    assert time.monotonic() - started < 30


def test_rows_before_a_fault_are_used(folder):
    (folder / "metadata.jsonl").write_text('{"file_name": "a.png", "text": "a dog"}\n{"file_name": "b", "text": 1,}\n')
    said, problems = asked(folder)
    assert said == Caption("a dog")
    assert problems[0].endswith("; the rows before that are used") and "line 2" in problems[0]


def test_an_odd_table_leaves_the_others_alone(folder):
    (folder / "metadata.csv").write_bytes(CP1252)
    (folder / "metadata.jsonl").write_text('{"file_name": "a.png", "text": "a dog"}\n')
    said, problems = asked(folder)
    assert said == Caption("a dog") and len(problems) == 1


@pytest.mark.parametrize(("name", "content"), [("t.csv", CP1252), ("t.jsonl", NESTED.encode()), ("t.parquet", b"PAR1")])
def test_a_table_that_the_user_names_is_fatal(folder, tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(TwinlensError) as error:
        Captions(folder, [tmp_path / name])
    assert name in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["metadata.csv", "a.txt", "a.json"])
def test_links_that_lead_out_of_the_roots_are_not_followed(folder, tmp_path, name):
    outside = tmp_path.resolve() / "outside"
    outside.mkdir()
    (outside / name).write_text({"metadata.csv": GOOD, "a.txt": "a dog", "a.json": '"a dog"'}[name])
    (folder / name).symlink_to(outside / name)
    said, problems = asked(folder)
    assert said is None
    assert problems == [f"{folder / name}: is not read: it is a link that leads out of the indexed folders"]
    assert asked(folder, roots=[outside]) == (Caption("a dog"), [])
    (folder / name).unlink()
    (outside / name).rename(folder / "sub" / name)  # within the root
    (folder / name).symlink_to(Path("sub") / name)
    assert asked(folder)[0] == Caption("a dog")


def test_a_link_to_a_folder_whose_name_begins_like_a_roots_leads_out(folder, tmp_path):
    near = tmp_path.resolve() / "pictures-of-others"
    near.mkdir()
    (near / "a.txt").write_text("a secret")
    (folder / "a.txt").symlink_to(near / "a.txt")
    assert asked(folder)[0] is None


def test_a_table_of_too_many_bytes_is_not_read(folder, monkeypatch):
    with (folder / "metadata.csv").open("wb") as file:
        file.truncate(tables.MAX_BYTES + 1)  # sparse: it takes no room
    assert "has 1,073,741,825 bytes, more than 1,073,741,824" in asked(folder)[1][0]
    with (folder / "metadata.csv").open("wb") as file:
        file.truncate(2 * tables.MAX_LINE)
    assert f"line 1: is longer than {tables.MAX_LINE:,} characters" in asked(folder)[1][0]


def test_a_table_within_a_shard_keeps_to_the_limits(folder):
    shard(folder / "s.tar", {"k.png": (folder / "a.png").read_bytes(), "metadata.csv": CP1252, "k.txt": b"\xff"})
    captions = Captions(folder)
    assert captions.of(folder / "s.tar" / "k.png") is None
    assert len(captions.problems) == 2


def unpacking(path: Path, characters: int, rows: int) -> Path:
    """A small Parquet file whose rows have one long text again and again."""
    text = arrow.DictionaryArray.from_arrays(np.zeros(rows, dtype=np.int32), arrow.array(["x" * characters]))
    names = arrow.DictionaryArray.from_arrays(np.zeros(rows, dtype=np.int32), arrow.array(["a.png"]))
    written.write_table(arrow.table({"file_name": names, "text": text}), path, store_schema=False, compression="gzip")
    assert path.stat().st_size < 500_000
    return path


def test_a_parquet_table_that_unpacks_to_gigabytes_is_one_line(folder, monkeypatch):
    unpacking(folder / "metadata.parquet", 4000, 1_000_000)  # 4 GB
    monkeypatch.setattr(tables, "MAX_BYTES", 20_000_000)
    said, problems = asked(folder)
    assert said == Caption("x" * 4000)
    assert len(problems) == 1 and "it unpacks to more than 20,000,000 bytes" in problems[0]


@pytest.mark.skipif(system.NAME != "linux", reason="no limit of memory")
def test_a_parquet_page_that_unpacks_to_more_than_the_memory_is_one_line(folder, monkeypatch):
    table = arrow.table({"file_name": ["a.png"], "text": arrow.array(["x" * 250_000_000])})
    plain = {"use_dictionary": False, "write_statistics": False}
    written.write_table(table, folder / "metadata.parquet", compression="zstd", **plain)
    del table
    monkeypatch.setattr(parquet, "MEMORY", 200_000_000)
    said, problems = asked(folder)
    assert said is None and len(problems) == 1
    assert "memory" in problems[0] or "malloc" in problems[0] or "ended" in problems[0]


def test_the_reader_of_parquet_ends_with_who_asked(folder):
    rows = parquet.rows(unpacking(folder / "t.parquet", 10, 1_000_000), 2**30)
    next(rows)
    rows.close()
    assert not any("twinlens.media.captions.parquet" in arguments for arguments in command_lines())


def command_lines() -> list[list[str]]:
    """The command lines of this process's children, as their arguments."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return [Path(f"/proc/{child}/cmdline").read_text().split("\0") for child in children]


def test_bytes_in_parquet_are_no_metadata(tmp_path):
    table = arrow.table({"file_name": ["a.png"], "image": arrow.array([b"\xff\0"]), "text": ["a dog"]})
    written.write_table(table, tmp_path / "t.parquet")
    assert read_table(tmp_path / "t.parquet") == {str(tmp_path / "a.png"): Caption("a dog")}


@pytest.mark.parametrize("seconds", [10_413_792_000, -10_413_792_000, 2**40])
def test_times_of_any_year_fit_a_database(folder, seconds):
    os.utime(folder / "a.png", (seconds, seconds))
    status = sources.status(folder / "a.png")
    assert abs(status.mtime_ns) <= 2**63
    assert sources.status(folder / "a.png") == status


def test_a_table_in_a_linked_folder_describes_its_pictures(folder, tmp_path):
    outside = tmp_path.resolve() / "outside"
    outside.mkdir()
    (outside / "metadata.csv").write_text("file_name,text\nc.png,a cat\n")
    (folder / "link").symlink_to(outside)
    assert Captions(folder).of(folder / "link" / "c.png") == Caption("a cat")
