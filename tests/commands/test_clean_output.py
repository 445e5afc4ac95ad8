"""Nothing that comes from files, names or arguments acts on the terminal, the page, or a spreadsheet."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys

import pytest

from tests import toy
from tests.pictures import answer
from twinlens import cli

ACTING = {"\x1b", "\x07", "\x9b", "\x7f", "\u202e", "\u2066", "\0"}
EVIL = "nice \x1b]0;PWNED\x07\x1b[31mred \u202etext\u2066 \x9b31m"


@pytest.fixture
def evil(run, tmp_path, model):
    """A collection of pictures whose names, captions and metadata try to act."""
    folder = tmp_path.resolve() / "pictures"
    folder.mkdir()
    names = [f"a{EVIL.replace('/', '')}.png", os.fsdecode(b"b\xff\n.png")]
    for name, color in zip(names, ("red", "blue"), strict=True):
        toy.draw((color, color, "red")).save(folder / name)
    (folder / f"broken{EVIL}.png").write_text("no picture")
    (folder / f"a{EVIL}.json").write_text("{")
    rows = [{"file_name": name, "text": f"=1+1 {EVIL}", "note": f"@{EVIL}", f"@key{EVIL}": -5} for name in names]
    (folder / "metadata.jsonl").write_text("\n".join(map(json.dumps, rows)))
    code, out, err = run("index", folder, "--model", model, "--workers", 0)
    assert code == 0 and not ACTING & set(out + err)
    assert "no caption could be read" in out
    return run


def test_tables_and_lines_are_escaped(evil):
    shown = []
    for arguments in (["search", "--text", "red"], ["info"], ["verify"], ["repair"]):
        code, out, err = evil(*arguments)
        assert code == 0 and not ACTING & set(out + err), arguments
        shown.append("".join(out.split()))
    assert all(r"\x1b" in text and r"\u202e" in text for text in shown[:2])


def test_the_page_and_the_exports_are_escaped(evil, tmp_path):
    evil("search", "--text", "red \u202e", "--export", "a.csv", "--export", "a.html")
    for page in (tmp_path / "twinlens-results" / "result.html", tmp_path / "a.html"):
        assert not ACTING & set(page.read_text("utf-8")) and r"red \u202e" in page.read_text("utf-8")
    with (tmp_path / "a.csv").open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        rows = list(csv.reader(file))
    assert not ACTING & {letter for row in rows for cell in row for letter in cell}
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "@", "\t", "\r"))]
    assert all("-5" in row and any(cell.startswith("'@nice") for cell in row) for row in rows[1:])


def test_long_captions_are_cut_in_the_table_and_whole_in_json(run, tmp_path, model):
    (tmp_path / "pictures").mkdir()
    toy.draw(("red", "red", "red")).save(tmp_path / "pictures" / "a.png")
    (tmp_path / "pictures" / "a.txt").write_text("word " * 50_000)
    assert run("index", "pictures", "--model", model, "--workers", 0)[0] == 0
    code, out, _ = run("search", "--text", "word")
    assert code == 0 and "…" in out and len(out) < 3000
    assert len(answer(run, "search", "--text", "word")["hits"][0]["caption"]) == 249_999


@pytest.mark.parametrize(
    "arguments",
    [
        ["search", "--text", EVIL, "--where", EVIL],
        ["search", "--image", f"none{EVIL}.png"],
        ["search", "--text", "x", "--where", f"`{EVIL}` = 1"],
        ["search", "--text", os.fsdecode(b"caf\xe9")],
        ["search", "--text", "x", "--where", os.fsdecode(b"year = '\xff'")],
        ["search", "--text", "x", "--unlike", os.fsdecode(b"\xff")],
        ["search", "--text", "x", "--export", f"a.{EVIL}"],
        ["search", "--text", "x", "-k", EVIL],
        ["search", EVIL],
        ["index", f"none{EVIL}"],
        ["replay", f"none{EVIL}"],
        [EVIL],
        ["data", EVIL],
    ],
)
def test_a_wrong_argument_is_repeated_without_acting(indexed, capsys, arguments):
    try:
        code, out, err = indexed(*arguments)
    except SystemExit as error:  # argparse's own
        code, (out, err) = error.code, capsys.readouterr()
    assert code == 2 and not ACTING & set(out + err)
    assert "Traceback" not in err and err.splitlines()[-1].startswith("twinlens")


def test_bytes_that_are_not_utf8_are_one_line_in_a_terminal_of_any_encoding(indexed, tmp_path):
    command = [sys.executable, "-m", "twinlens", "search", "--text", b"caf\xe9"]
    for encoding in ("utf-8", "ascii", "latin-1"):
        environment = {**os.environ, "PYTHONIOENCODING": encoding}
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True)
        assert done.returncode == 2 and done.stderr.count(b"\n") == 1 and b"not UTF-8" in done.stderr


def test_every_command_has_a_parser_that_escapes():
    (listing,) = (action for action in cli.build_parser(["info"])._actions if action.dest == "command")
    assert type(listing.choices["info"]).__name__ == "_Parser"
