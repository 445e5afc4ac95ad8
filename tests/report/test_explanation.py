"""The picture of explanations: bars, words, facts, and the gate over the query's picture."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from twinlens.core.explanation import Explanation, GateMap, Share, WordEffect
from twinlens.core.types import Hit, Sample, TwinlensError
from twinlens.report._bars import LABEL, LOWERS, VALUE, chips, draw_bars
from twinlens.report._cards import ACCENT, CARD
from twinlens.report.explanation import Panel, explanation_sheet
from twinlens.report.gate import RAMP, gate_overlay, ramp

SHARES = (Share("picture", 1.5), Share("caption", -0.5), Share("both", 0.0))
WORDS = (WordEffect("Größe", 0.4), WordEffect("собака,", -0.2), WordEffect("\x1b[31m\u202e", 0.0, "without"))
GATE = GateMap(1, 2, (0.25, 0.75))
WHY = Explanation("wide", 1, 1.0, "deviations", SHARES, WORDS, gate=GATE)


@pytest.fixture
def panel(query, hits) -> Panel:
    """Answers of every kind, each with an explanation."""
    return Panel("a/collection", query, [(hit, replace(WHY, id=hit.id)) for hit in hits], ("without: a \u202e dog",))


def size(path) -> tuple[int, int]:
    return Image.open(path).size


def test_every_kind_of_answer_is_drawn_and_the_same_again(tmp_path, panel):
    for name in ("a.png", "b.png"):
        explanation_sheet([panel], tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    pixels = np.asarray(Image.open(tmp_path / "a.png")).reshape(-1, 3)
    for colour in (ACCENT, LOWERS, (255, 0, 0), (0, 255, 0), (0, 0, 255)):
        assert (pixels == colour).all(-1).any(), colour


def test_bars_begin_at_zero_and_are_as_long_as_their_shares():
    canvas = Image.new("RGB", (400, 120), CARD)
    assert draw_bars(canvas, (0, 0), 400, SHARES, 1.5) == 96
    pixels = np.asarray(canvas)
    zero, reach = (LABEL + 400 - VALUE) // 2, (400 - VALUE - LABEL) // 2
    for row, colour, ends in ((16, ACCENT, (zero, zero + reach)), (48, LOWERS, (zero - reach // 3, zero))):
        columns = np.flatnonzero((pixels[row] == colour).all(-1))
        assert (columns.min(), columns.max()) == pytest.approx(ends, abs=2)
    assert not ((pixels[80] == ACCENT) | (pixels[80] == LOWERS)).all(-1).any()


def test_words_break_into_lines_and_those_to_stay_away_from_begin_one():
    placed = chips([*[WordEffect(f"word{n}", 0.1) for n in range(30)], WordEffect("not", 0.1, "without")], 300)
    assert max(chip.left + chip.width for chip in placed) <= 300
    assert [chip.line for chip in placed] == sorted(chip.line for chip in placed)
    assert placed[-1].label == "without" and placed[-1].line == placed[-2].line + 1
    assert chips([], 300) == []


def test_a_word_wider_than_its_column_stays_within():
    (chip,) = chips([WordEffect("x" * 200, 0.1)], 300)
    assert chip.width == 300


def test_facts_and_reasons_make_a_row_higher(tmp_path, query, hits):
    facts = ({"says": "There is a dog.", "true": True, "found": 3}, {"says": "It rains.", "true": False, "found": None})
    plain = replace(WHY, words=())
    explanation_sheet([Panel("", query, [(hits[0], plain)])], tmp_path / "plain.png")
    many = replace(plain, facts=facts * 5, unmeasured=3)
    explanation_sheet([Panel("", query, [(hits[0], many)])], tmp_path / "facts.png")
    reason = replace(hits[0], why={"match": {"score": 1.5}})
    explanation_sheet([Panel("", query, [(reason, plain)])], tmp_path / "why.png")
    assert size(tmp_path / "facts.png")[1] > size(tmp_path / "plain.png")[1]
    assert (tmp_path / "why.png").read_bytes() != (tmp_path / "plain.png").read_bytes()


def test_panels_stand_beside_each_other(tmp_path, panel):
    explanation_sheet([panel], tmp_path / "one.png")
    explanation_sheet([panel, replace(panel, answers=[])], tmp_path / "two.png")
    assert size(tmp_path / "two.png")[0] > 1.9 * size(tmp_path / "one.png")[0]


def test_a_query_of_words_has_no_picture(tmp_path, panel):
    explanation_sheet([replace(panel, query=Sample("q", None, "at night"))], tmp_path / "words.png")
    assert not (np.asarray(Image.open(tmp_path / "words.png")) == (255, 0, 0)).all(-1).any()


def test_a_query_that_cannot_be_read_has_the_reason(tmp_path, panel, hits):
    broken = replace(panel, query=Sample("q", hits[3].sample.image, "at night"))
    explanation_sheet([broken], tmp_path / "broken.png")
    why = replace(WHY, gate=None, no_gate="the model has none")
    explanation_sheet([replace(panel, answers=[(hits[0], why)])], tmp_path / "none.png")


def test_nothing_to_explain_and_no_place_are_one_line(tmp_path, panel):
    with pytest.raises(TwinlensError, match="no answer"):
        explanation_sheet([replace(panel, answers=[])], tmp_path / "a.png")
    with pytest.raises(TwinlensError, match="cannot write"):
        explanation_sheet([panel], tmp_path / "missing" / "a.png")


def test_the_map_is_laid_over_the_whole_picture():
    overlay = np.asarray(gate_overlay(Image.new("RGB", (80, 40), (255, 0, 0)), GATE)).astype(int)
    assert overlay.shape == (40, 80, 3)
    assert overlay[:, -1].sum() > overlay[:, 0].sum()  # lighter where it is open
    even = np.asarray(gate_overlay(Image.new("RGB", (8, 8)), GateMap(2, 2, (0.5,) * 4)))
    assert (even == even[0, 0]).all()


def test_the_scale_runs_from_the_first_colour_to_the_last():
    pixels = np.asarray(ramp((60, 4)))
    assert tuple(pixels[0, 0]) == RAMP[0] and tuple(pixels[0, -1]) == RAMP[-1]
    assert (np.diff(pixels[0].sum(axis=1).astype(int)) >= 0).all()


def test_a_hit_without_a_file_is_named_by_its_id(tmp_path, query):
    hit = Hit(Sample("own-id", Image.new("RGB", (9, 9))), 0.1)
    explanation_sheet([Panel("", query, [(hit, replace(WHY, rank=None))])], tmp_path / "a.png")
    assert size(tmp_path / "a.png")[0] > 1000
