from __future__ import annotations

import io
import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinlens.report import Estimate
from twinlens.report.table import Table, cell

ROWS = Table(["rank", "score", "caption"], [[1, Estimate(0.93, 0.92, 0.94), "a [red] | cube"], [2, None, "x\ny"]])


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Estimate(0.934, 0.92, 0.94), "0.93 ± 0.01"),
        (Estimate(0.5, 0.4, 0.52), "0.50 ± 0.10"),
        (Estimate(0.5, 0.5, 0.5), "0.50"),
        (Estimate(float("nan"), float("nan"), float("nan")), "–"),
        (0.005, "0.01"),
        (float("nan"), "–"),
        (None, "–"),
        (1234, "1234"),
        ("text", "text"),
    ],
)
def test_cells(value, text):
    assert cell(value) == text


def test_digits():
    assert cell(Estimate(0.9345, 0.9245, 0.9445), digits=3) == "0.934 ± 0.010"
    assert "| 0.123 |" in Table(["a"], [[0.1234]], digits=3).markdown()


def test_estimates_are_read_from_the_results_json():
    assert Estimate.from_json({"mean": 0.5, "std": 0.1, "ci95": [0.4, 0.6]}) == Estimate(0.5, 0.4, 0.6)
    assert Estimate.from_json({"mean": 0.5}) == Estimate.from_json(0.5) == Estimate(0.5, 0.5, 0.5)


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_the_spread_never_claims_more_than_was_measured(low, mean, high):
    low, mean, high = sorted((low, mean, high))
    estimate = Estimate(mean, low, high)
    assert mean - estimate.spread <= low + 1e-12
    assert mean + estimate.spread >= high - 1e-12


def test_markdown():
    assert ROWS.markdown().splitlines() == [
        "| rank | score | caption |",
        "| ---: | ---: | --- |",
        r"| 1 | 0.93 ± 0.01 | a [red] \| cube |",
        "| 2 | – | x y |",
    ]
    assert Table(["a"], [], title="None found").markdown().startswith("**None found**\n\n| a |")


def test_plain_text_keeps_brackets_and_wraps():
    text = Table(["score", "caption"], [[0.5, "a [red] cube"], [0.25, "word " * 40]], title="Results").plain(width=60)
    assert text.startswith("Results\n")
    assert "a [red] cube" in text
    assert text.count("word") == 40
    assert max(map(len, text.splitlines())) <= 60


def test_numbers_stand_to_the_right():
    lines = Table(["score", "name"], [[12.5, "a"], [0.25, "b"]]).plain().splitlines()
    twelve, quarter = (next(line for line in lines if number in line) for number in ("12.50", "0.25"))
    assert twelve.index("12.50") + len("12.50") == quarter.index("0.25") + len("0.25")
    assert twelve.index("a") == quarter.index("b")


def test_print_without_a_terminal_gives_plain_text():
    out = io.StringIO()
    ROWS.print(out)
    assert out.getvalue() == ROWS.plain()


def test_print_on_a_terminal_fits_it(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("TERM", "xterm")
    out = Terminal()
    Table(["caption"], [["word " * 40]]).print(out)
    shown = re.sub(r"\x1b\[[\d;]*m", "", out.getvalue())
    assert shown.count("word") == 40
    assert max(map(len, shown.splitlines())) <= 40


def test_a_row_of_another_length_is_a_defect():
    with pytest.raises(ValueError, match="columns"):
        Table(["a", "b"], [[1]])


def test_cells_columns_and_titles_are_escaped():
    table = Table(["a\x1b[31m"], [["two\nlines \u202efdp.exe"], [Path(os.fsdecode(b"\xff.png"))]], title="t\x07")
    for text in (table.markdown(), table.plain()):
        assert "a\\x1b[31m" in text and "lines \\u202efdp.exe" in text and "\\xff.png" in text and "t\\x07" in text
        assert not {"\x1b", "\x07", "\u202e"} & set(text) and text.encode("utf-8")
