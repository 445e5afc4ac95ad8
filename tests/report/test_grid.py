from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from twinlens.core.types import Hit, Sample, TwinlensError
from twinlens.report._cards import ACCENT
from twinlens.report.grid import ResultRow, result_grid


def drawn(path, color: tuple[int, int, int]) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of the pixels that have exactly this colour."""
    rows, columns = np.nonzero((np.asarray(Image.open(path)) == color).all(-1))
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


def test_the_query_stands_left_of_every_answer(tmp_path, query, hits):
    result_grid([ResultRow(query, hits)], tmp_path / "grid.png")
    right_of_query = drawn(tmp_path / "grid.png", (255, 0, 0))[2]
    for color in ((0, 255, 0), (0, 0, 255), (255, 0, 255), (0, 255, 255)):
        assert drawn(tmp_path / "grid.png", color)[0] > right_of_query


def test_pictures_keep_their_shape(tmp_path, query, hits):
    result_grid([ResultRow(query, hits)], tmp_path / "grid.png")
    for color, shape in (((0, 255, 0), 4.0), ((0, 0, 255), 1 / 3)):
        left, top, right, bottom = drawn(tmp_path / "grid.png", color)
        assert (right - left) / (bottom - top) == pytest.approx(shape, rel=0.03)


def test_answers_are_ranked_from_left_to_right_and_then_downwards(tmp_path, query):
    colors = [(0, 200, n) for n in range(7)]
    hits = [Hit(Sample(str(n), Image.new("RGB", (50, 50), color)), 1 - n / 10) for n, color in enumerate(colors)]
    result_grid([ResultRow(query, hits)], tmp_path / "grid.png", columns=3)
    corners = [drawn(tmp_path / "grid.png", color)[:2] for color in colors]
    assert corners == sorted(corners, key=lambda corner: (corner[1], corner[0]))
    assert len({left for left, _ in corners}) == 3


@pytest.mark.parametrize(("size", "columns"), [((400, 100), 3), ((60, 40), 5)])
def test_wide_pictures_get_wider_cards(tmp_path, size, columns):
    hits = [Hit(Sample(str(n), Image.new("RGB", size, (0, 200, n))), 0.5) for n in range(6)]
    result_grid([ResultRow(Sample("query", None, "a sentence"), hits)], tmp_path / "grid.png")
    tops = [drawn(tmp_path / "grid.png", (0, 200, n))[1] for n in range(6)]
    assert tops.count(tops[0]) == columns


def test_the_bar_is_the_share_of_the_best_from_the_mean_on(tmp_path):
    def bar(score: float, best: float = 1.0, mean: float = 0.0) -> int:
        hits = [Hit(Sample("x", Image.new("RGB", (50, 50))), value) for value in (score, best)]
        query = Sample("query", Image.new("RGB", (50, 50)))
        result_grid([ResultRow(query, hits, mean=mean)], tmp_path / "grid.png")
        first = np.asarray(Image.open(tmp_path / "grid.png"))[:, 384:600]
        return int((first == ACCENT).all(-1).sum(axis=1).max())

    assert bar(-0.5) == bar(0.0) == bar(0.4, mean=0.4) == bar(-2.0, -1.0) == 0
    whole = bar(1.0)
    assert bar(0.5) == pytest.approx(whole / 2, abs=3) and bar(2.0, 4.0) == bar(0.5)
    assert bar(0.9, mean=0.8) == pytest.approx(whole / 2, abs=3)


def test_the_reasons_of_an_answer_stand_on_its_card(tmp_path, query, hits):
    result_grid([ResultRow(query, hits)], tmp_path / "plain.png")
    told = [replace(hit, why={"truth": {"abstains": "the sentence is not read"}}) for hit in hits]
    result_grid([ResultRow(query, told)], tmp_path / "why.png")
    plain, why = (Image.open(tmp_path / name).size for name in ("plain.png", "why.png"))
    assert why[0] == plain[0] and why[1] > plain[1]


def test_one_grid_holds_several_queries_and_empty_answers(tmp_path, query, hits):
    result_grid([ResultRow(query, hits)], tmp_path / "one.png")
    result_grid([ResultRow(query, hits), ResultRow(Sample("words", None, "a sentence"), [])], tmp_path / "two.png")
    assert Image.open(tmp_path / "two.png").height > Image.open(tmp_path / "one.png").height


def test_the_same_answers_give_the_same_file(tmp_path, query, hits):
    for name in ("a.png", "b.png"):
        result_grid([ResultRow(query, hits)], tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


@pytest.mark.parametrize(
    ("rows", "name", "columns", "message"),
    [
        ([], "grid.png", None, "no query"),
        ([ResultRow(Sample("q", None, "x"), [])], "grid.png", 100, "give at most 9"),
        ([ResultRow(Sample("q", None, "x"), [])], "none/grid.png", None, "cannot write"),
    ],
)
def test_what_cannot_be_drawn_is_told(tmp_path, rows, name, columns, message):
    with pytest.raises(TwinlensError, match=message):
        result_grid(rows, tmp_path / name, columns=columns)
