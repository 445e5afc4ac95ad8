"""What becomes of a search's answers: files for other programs, receipts, pictures in the terminal."""

from __future__ import annotations

import csv
import json
import os
import pty
import shutil
import subprocess
import sys

import pytest

from tests import toy
from tests.pictures import answer
from twinlens import cli
from twinlens.collection.search.records import Hits
from twinlens.commands import search
from twinlens.core.reasons import in_words
from twinlens.core.types import Hit, Sample

ASK = ("search", "--text", "a red tile")
OUTPUT = {"-h", "--help", "--json", "--out", "--export", "--receipt", "--preview", "--no-preview"}
OUTPUT |= {"--engine", "--credentials-file", "--allow-plugin"}
"""Options of search that do not bear on which pictures are found, and in which order."""
RANKING = {
    "--image": ["pictures/red.png"],
    "--text": ["a red tile", "--text", "blue"],
    "--weight": [0.5],
    "--balance": [0.2, "--image", "pictures/red.png"],
    "--without": ["green"],
    "--unlike": [1],
    "--where": ["year < 2020"],
    "--in": ["pictures"],
    "--near": ["48,-30.1,20"],
    "--distinct": [0.5],
    "--with-self": [],
    "--rerank": ["diverse:3"],
    "-k": [2],
    "--collection": ["copy"],
    "--runtime": ["torch"],
}


def test_answers_are_exported(indexed, pictures, model, tmp_path):
    names = ["paths.txt", "hits.csv", "hits.json", "page.html", "grid.png", "copies/"]
    out, exports = tmp_path / "out", [part for name in names for part in ("--export", f"out/{name}")]
    told = answer(indexed, *ASK, "-k", 2, *exports)
    assert told["files"] == [f"out/{name}".rstrip("/") for name in names]
    assert all((out / name).exists() for name in names)
    paths = [hit["path"] for hit in told["hits"]]
    assert (out / "paths.txt").read_text().splitlines() == paths
    assert [(row["path"], row["year"]) for row in csv.DictReader((out / "hits.csv").open())] == [
        (hit["path"], str(hit["metadata"]["year"])) for hit in told["hits"]
    ]
    assert json.loads((out / "hits.json").read_text()) == told["hits"]
    assert sorted(path.name for path in (out / "copies").iterdir()) == [
        ".twinlensignore",
        *(f"00{n}-{path.rpartition('/')[2]}" for n, path in enumerate(paths, 1)),
    ]
    again = answer(indexed, "index", ".", "--model", model, "--workers", 0, "--collection", "other")
    assert again["left_out"]["excluded"] >= len(paths)


def test_reasons_of_a_stage_are_in_every_output(indexed, tmp_path):
    told = answer(indexed, *ASK, "--rerank", "diverse:3", "-k", 2, "--export", "hits.csv", "--export", "page.html")
    code, out, _ = indexed(*ASK, "--rerank", "diverse:3", "-k", 2)
    first = told["hits"][0]["why"]
    assert first["search"]["place"] == 1 and first["diverse"] == {"nearest_before": 0.0}
    lines = [row["why"] for row in csv.DictReader((tmp_path / "hits.csv").open())]
    assert lines == [in_words(hit["why"], hit["rank"]) for hit in told["hits"]]
    assert lines[0] == "diverse: nearest before 0.000"
    assert all(line in (tmp_path / "page.html").read_text("utf-8") for line in lines)
    assert code == 0 and "diverse" in out and "reranking took" in out
    plain = answer(indexed, *ASK, "--export", "plain.csv")
    assert "why" not in plain["hits"][0] and "why" not in (tmp_path / "plain.csv").read_text().splitlines()[0]


def test_several_exports_at_once_and_none_of_nothing(indexed):
    told = answer(indexed, *ASK, "--where", "year > 3000", "--export", "a.txt", "--export", "b.csv")
    assert told["hits"] == [] and told["files"] == ["a.txt", "b.csv"]


def test_a_wrong_export_is_told_before_the_search(indexed, tmp_path):
    code, _, err = indexed(*ASK, "--export", "hits.xlsx")
    assert code == 2 and "must end in one of" in err and err.count("\n") == 1
    assert not (tmp_path / "twinlens-results").exists()


def test_a_receipt_is_replayed(indexed, pictures, tmp_path):
    ask = (
        "search",
        "--image",
        pictures / "red.png",
        "--text",
        "blue",
        "-k",
        2,
        "--with-self",
        "--where",
        "year < 2020",
    )
    told = answer(indexed, *ask, "--without", "green", "--receipt", "r.json")
    assert told["files"][-1] == "r.json"
    assert "the same ranking: 2 pictures" in indexed("replay", "r.json")[1]
    assert answer(indexed, "replay", "r.json")["changes"] == []
    (tmp_path / "twinlens-collection").rename(tmp_path / "moved")
    code, _, err = indexed("replay", "r.json")
    assert code == 2 and "there is no collection in" in err
    assert answer(indexed, "replay", "r.json", "--collection", "moved")["same"]
    (pictures / "green.png").unlink()
    indexed("index", pictures, "--collection", "moved")
    code, out, err = indexed("replay", "r.json", "--collection", "moved")
    assert code == 1 and err == "twinlens: the ranking is another\n"
    assert "0 added, 1 removed" in out and "green.png" in "".join(out.split())  # the table may fold a path
    toy.draw(("blue", "blue", "blue")).save(pictures / "red.png")
    code, out, err = indexed("replay", "r.json", "--collection", "moved", "--json")
    told = json.loads(out)
    assert code == 1 and told["same"] is False and any("has changed" in line for line in told["changes"])
    (pictures / "red.png").unlink()
    code, _, err = indexed("replay", "r.json", "--collection", "moved")
    assert code == 1 and err == "twinlens: the search cannot be asked again\n"


def test_every_option_of_search_is_known_here():
    (listing,) = (action for action in cli.build_parser(["search"])._actions if action.dest == "command")
    options = {name for action in listing.choices["search"]._actions for name in action.option_strings}
    assert options == OUTPUT | set(RANKING)


@pytest.mark.parametrize("option", RANKING)
def test_a_receipt_keeps_every_option_that_bears_on_the_ranking(indexed, tmp_path, option):
    shutil.copytree("twinlens-collection", "copy")
    before = ("search", "--image", "pictures/blue.png") if option == "--text" else ASK
    answer(indexed, *before, "--receipt", "without.json")
    told = answer(indexed, *before, option, *RANKING[option], "--receipt", "with.json")
    without, kept = (json.loads((tmp_path / name).read_text()) for name in ("without.json", "with.json"))
    assert any(kept[part] != without[part] for part in ("asked", "model", "collection"))
    again = answer(indexed, "replay", "with.json")
    assert again["same"] and again["changes"] == []
    assert [hit["id"] for hit in again["now"]] == [hit["id"] for hit in told["hits"]]


def test_a_search_is_replayed_by_the_runtime_it_was_run_by(indexed, tmp_path):
    indexed(*ASK, "--receipt", "r.json")
    receipt = json.loads((tmp_path / "r.json").read_text())
    receipt["model"]["runtime"] = "fpga"
    receipt |= {"receipt": 1}  # receipts of the first version have no checksum
    (tmp_path / "r.json").write_text(json.dumps(receipt))
    code, _, err = indexed("replay", "r.json")
    assert code == 2 and "unknown runtime 'fpga'" in err and err.count("\n") == 1


def test_replay_wants_a_receipt(indexed, tmp_path):
    (tmp_path / "no.json").write_text("[]")
    for name, line in (("no.json", "is no receipt"), ("none.json", "cannot read the receipt")):
        code, _, err = indexed("replay", name)
        assert code == 2 and line in err and err.count("\n") == 1


ONE_BY_ONE = """
import json, sys
from twinlens import cli

for command in json.loads(sys.argv[1]):
    assert cli.main(command) == 0
    print(chr(12), end="", flush=True)
"""
"""Calls command lines one after another, and writes a form feed after each."""


def in_terminal(commands: list[list[str]], environment: dict[str, str]) -> list[bytes]:
    """What each of several commands of one process writes to a terminal."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", ONE_BY_ONE, json.dumps(commands)]
    variables = {
        key: value for key, value in os.environ.items() if not key.startswith(("KITTY", "TERM", "LC_", "TMUX"))
    }
    with subprocess.Popen(command, stdout=theirs, stderr=subprocess.PIPE, env={**variables, **environment}) as process:
        os.close(theirs)
        progress = b""
        while True:
            try:
                progress += os.read(ours, 65536)
            except OSError:  # its other end is closed
                break
    os.close(ours)
    assert process.returncode == 0, process.stderr
    *written, rest = progress.split(b"\f")
    assert rest == b""
    return written


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
def test_pictures_are_shown_in_terminals_that_can(indexed):
    kitty = {"TERM": "xterm-kitty"}
    shown, plain = in_terminal([[*ASK], [*ASK, "--no-preview"]], kitty)
    assert b"\033_Ga=T" in shown
    assert b"a red tile" in plain and b"\033_G" not in plain


def test_no_picture_is_written_into_a_pipe(indexed, monkeypatch):
    monkeypatch.setenv("TERM", "xterm-kitty")
    code, out, _ = indexed(*ASK)
    assert code == 0 and "\033" not in out
    code, _, err = indexed(*ASK, "--preview")
    assert code == 2 and "--preview needs a terminal that shows pictures" in err


@pytest.mark.parametrize(
    ("why", "is_told"),
    [({}, True), ({"search": {"score": 0.5, "place": 2}}, True), ({"lexical": {"caption_has": ["river"]}}, False)],
)
def test_a_doubt_is_told_unless_a_stage_says_why_the_first_answer_is_there(why, is_told, capsys):
    hits = Hits([Hit(Sample("1", None, "a river"), 0.5, rank=1, why=why)], chance=0.5)
    search._show(hits, "nothing", counted=False)
    assert ("nothing stands out" in capsys.readouterr().out) == is_told
