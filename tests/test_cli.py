from __future__ import annotations

import argparse
import io
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.test_imports import HEAVY
from twinlens import __version__, cli
from twinlens.commands import _common
from twinlens.core import variants
from twinlens.core.types import TwinlensError


def fake_command(run) -> ModuleType:
    command = ModuleType("twinlens.commands.greet")
    command.HELP = "say hello, 100% of the time"
    command.EXAMPLES = "twinlens greet --name Ada"

    def add_arguments(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--name", required=True)

    command.add_arguments, command.run = add_arguments, run
    return command


@pytest.fixture
def install(monkeypatch):
    """Puts a `greet` command with the given `run` beside the real ones."""

    def put(run) -> None:
        known, load = variants.names("commands"), variants.load
        monkeypatch.setattr(variants, "names", lambda folder: sorted([*known, "greet"]))
        monkeypatch.setattr(variants, "load", lambda folder, n: fake_command(run) if n == "greet" else load(folder, n))

    return put


def greet(args: argparse.Namespace) -> dict[str, object]:
    if _common.shows_view(args):
        print(f"hello {args.name}")
    return {"name": args.name, "path": Path("a/b"), "scores": (0.5, float("nan"))}


def raising(error: BaseException):
    def run(args: argparse.Namespace) -> dict[str, object]:
        raise error

    return run


RESULT = {"name": "Ada", "path": str(Path("a/b")), "scores": [0.5, None]}


def test_a_command_prints_its_view(install, capsys):
    install(greet)
    assert cli.main(["greet", "--name", "Ada"]) == 0
    assert capsys.readouterr().out == "hello Ada\n"


def test_json_takes_the_place_of_the_view(install, capsys):
    install(greet)
    assert cli.main(["greet", "--name", "Ada", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == RESULT


def test_json_to_a_file_leaves_the_view(install, capsys, tmp_path):
    install(greet)
    target = tmp_path / "new" / "result.json"
    assert cli.main(["greet", "--json", str(target), "--name", "Ada"]) == 0
    assert capsys.readouterr().out == "hello Ada\n"
    assert json.loads(target.read_text(encoding="utf-8")) == RESULT


def test_json_to_an_impossible_place_is_a_mistake(install, capsys, tmp_path):
    (tmp_path / "file").touch()
    install(raising(AssertionError("the command ran")))
    for place, reason in ((tmp_path, "it is a folder"), (tmp_path / "file" / "a.json", "is a file")):
        assert cli.main(["greet", "--name", "Ada", f"--json={place}"]) == 2
        assert f"cannot write the JSON to {place}: " in (told := capsys.readouterr().err) and reason in told


@pytest.mark.parametrize("place", ["{}/old.json", "{}/old.json.d/new.json", "~/deep/new.json"])
def test_json_goes_where_a_file_can_be_made(install, tmp_path, monkeypatch, place):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "old.json").write_text("{}")
    install(greet)
    target = Path(place.format(tmp_path)).expanduser()
    assert cli.main(["greet", "--name", "Ada", f"--json={place.format(tmp_path)}"]) == 0
    assert json.loads(target.read_text()) == RESULT


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (TwinlensError("no such folder: x\ntry another"), 2, "twinlens: no such folder: x try another\n"),
        (PermissionError(13, "Permission denied", "out.png"), 2, "twinlens: out.png: Permission denied\n"),
        (KeyboardInterrupt(), 130, "twinlens: stopped; run the same command again to go on\n"),
    ],
)
def test_an_error_is_one_line_and_a_code(install, capsys, error, code, line):
    install(raising(error))
    assert cli.main(["greet", "--name", "Ada"]) == code
    assert capsys.readouterr() == ("", line)


def test_a_defect_of_the_program_is_not_hidden(install):
    install(raising(ZeroDivisionError()))
    with pytest.raises(ZeroDivisionError):
        cli.main(["greet", "--name", "Ada"])


@pytest.mark.parametrize("arguments", [["greet"], ["greet", "--nam", "Ada"], ["--nonsense"]])
def test_wrong_arguments_exit_with_2(install, capsys, arguments):
    install(greet)
    with pytest.raises(SystemExit) as end:
        cli.main(arguments)
    assert end.value.code == 2
    assert "usage: twinlens" in capsys.readouterr().err


def test_an_unknown_command_names_the_closest_and_the_known(capsys, monkeypatch):
    monkeypatch.setattr(variants, "names", lambda folder: ["index", "search"])
    assert cli.main(["serch", "--text", "a dog"]) == 2
    line = capsys.readouterr().err
    assert "did you mean 'search'?" in line
    assert "known: index, search" in line
    assert line.count("\n") == 1


def test_help_lists_every_command_with_its_line(install, capsys):
    install(greet)
    with pytest.raises(SystemExit) as end:
        cli.main(["--help"])
    printed = " ".join(capsys.readouterr().out.split())
    assert end.value.code == 0
    for name in variants.names("commands"):
        assert f"{name} {' '.join(variants.load('commands', name).HELP.split())}" in printed


def test_no_command_at_all_shows_the_help(capsys):
    assert cli.main([]) == 2
    assert "usage: twinlens" in capsys.readouterr().err


def test_version(capsys):
    with pytest.raises(SystemExit) as end:
        cli.main(["--version"])
    assert end.value.code == 0
    assert capsys.readouterr().out == f"twinlens {__version__}\n"


def test_a_commands_own_help_ends_with_its_examples(install, capsys):
    install(greet)
    with pytest.raises(SystemExit):
        cli.main(["greet", "--help"])
    printed = capsys.readouterr().out
    assert "--json [FILE]" in printed
    assert printed.endswith("examples:\n  twinlens greet --name Ada\n")


@pytest.mark.parametrize("name", variants.names("commands"))
def test_every_command_keeps_the_contract(name, capsys):
    with pytest.raises(SystemExit) as end:
        cli.main([name, "--help"])
    command, printed = variants.load("commands", name), capsys.readouterr().out
    assert end.value.code == 0
    assert command.HELP.strip() and "\n" not in command.HELP
    assert f"twinlens {name}" in command.EXAMPLES
    assert "--json" in printed and "examples:" in printed


def test_building_every_parser_imports_nothing_heavy():
    code = "import sys; from twinlens import cli; from twinlens.core import variants;"
    code += "cli.build_parser(variants.names('commands')).format_help()"
    ask = f"{code}; print(*sorted({HEAVY!r} & set(sys.modules)))"
    answer = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    assert answer.stdout.split() == []


def test_a_reader_that_leaves_is_no_error():
    program = (
        "import sys; from types import SimpleNamespace as S;"
        "from twinlens import cli; from twinlens.core import variants;"
        "variants.load = lambda folder, name: S(HELP='h', EXAMPLES='e', add_arguments=lambda p: None,"
        " run=lambda args: [print('line') for _ in range(100_000)] and {});"
        "sys.exit(cli.main(['greet']))"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == cli.PIPE_CLOSED


def test_a_ctrl_c_that_an_import_turns_into_an_error_of_its_own_is_one(install, capsys):
    error = ImportError("initialization failed")
    error.__cause__ = KeyboardInterrupt()
    install(raising(error))
    assert cli.main(["greet", "--name", "Ada"]) == cli.STOPPED
    assert capsys.readouterr().err == "twinlens: stopped; run the same command again to go on\n"


def test_an_error_that_is_among_its_own_causes_is_told(install, capsys):
    error, other = TwinlensError("no server"), ConnectionError()
    error.__cause__, other.__cause__ = other, error  # as pymilvus raises them
    install(raising(error))
    assert cli.main(["greet", "--name", "Ada"]) == 2
    assert capsys.readouterr().err == "twinlens: no server\n"


def test_names_that_are_no_text_can_be_printed(install, monkeypatch):
    install(greet)
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    monkeypatch.setattr(sys, "stdout", out)
    assert cli.main(["greet", "--name", "\udcff.png"]) == 0
    assert out.buffer.getvalue() == b"hello \\udcff.png\n"


def test_existing_folder(tmp_path):
    assert _common.existing_folder(str(tmp_path)) == tmp_path
    with pytest.raises(TwinlensError, match="no such folder"):
        _common.existing_folder(tmp_path / "none")
    (tmp_path / "file").touch()
    with pytest.raises(TwinlensError, match="is a file"):
        _common.existing_folder(tmp_path / "file")


def test_print_table(capsys):
    _common.print_table(["rank", "score"], [[1, 0.5]], title="Results")
    printed = capsys.readouterr().out
    assert printed.startswith("Results\n")
    assert [line.split() for line in printed.splitlines() if "0.50" in line] == [["1", "0.50"]]


UNUSED_BY_A_SEARCH = {
    "tarfile",
    "twinlens.collection.duplicates",
    "twinlens.collection.items",
    "twinlens.collection.listing",
    "twinlens.collection.maintenance",
    "twinlens.collection.receipts",
    "twinlens.collection.repairing",
    "twinlens.collection.search.filters",
    "twinlens.collection.search.many",
    "twinlens.collection.search.rerank",
    "twinlens.collection.store.contents",
    "twinlens.collection.store.salvage",
    "twinlens.core.explanation",
    "twinlens.core.plugins",
}
MODULES_OF_A_SEARCH = 64
"""Modules of the package behind `search`, before a model is read; there were 89."""


def test_a_search_imports_none_of_what_others_need():
    """Explaining, checking, mending, listing, conditions, plug-ins and tars: each takes time that a search lacks."""
    code = (
        "import sys; from twinlens.commands import search; from twinlens.collection import Collection, ahead;"
        "print(*sorted(name for name in sys.modules if name.startswith('twinlens.') or name == 'tarfile'))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = done.stdout.split()
    assert "twinlens.collection.search.search" in loaded
    assert UNUSED_BY_A_SEARCH & set(loaded) == set()
    assert len(loaded) <= MODULES_OF_A_SEARCH
