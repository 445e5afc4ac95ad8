"""The measurement of the network on held-out families."""

from __future__ import annotations

import json
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from twinlens.models.composer import Composer
from twinlens.reading.grammar.parse import parse
from twinlens.shapes.sentences import FAMILIES
from twinlens.training.pretraining import held_out
from twinlens.training.pretraining.forms import HELD_OUT


@pytest.fixture(scope="module")
def encoder():
    return Composer.load("reading").encoders[0]


def test_pairs_in_order_count_ties_one_half():
    truth = np.array([True, False, True, False])
    assert held_out.in_order(np.array([2.0, 1.0, 1.0, 0.0]), truth) == pytest.approx((2 + 0.5 + 1) / 4)
    assert held_out.in_order(np.zeros(4), truth) == 0.5


def test_a_network_that_reads_as_the_grammar_is_exact_and_one_that_guesses_nothing_is_at_chance(encoder):
    for network, exact in ((parse, True), (lambda _: None, False)):
        shown = SimpleNamespace(space=encoder.space, network=network)
        found = list(held_out.findings(shown, 0, scenes=120, sentences=2))
        assert {one.family for one in found} == set(FAMILIES) and len(found) == 2 * len(FAMILIES)
        assert all(one.exact is exact for one in found)
        assert np.mean([one.in_order for one in found]) > 0.95 if exact else all(one.in_order == 0.5 for one in found)


def test_the_command_prints_the_held_out_families_first(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(held_out, "SENTENCES", 2)
    few = held_out.findings
    monkeypatch.setattr(held_out, "findings", lambda encoder, seed: few(encoder, seed, scenes=150, sentences=2))
    monkeypatch.setattr(sys, "argv", ["held_out", "--seeds", "1", "--json", str(tmp_path / "found.json")])
    held_out.main()
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" | ")[0].strip("| ") for line in lines[2:10]] == ["held out, mean", *HELD_OUT]
    assert len(lines) == 2 + 2 + len(FAMILIES)
    assert len(json.loads((tmp_path / "found.json").read_text())) == 2 * len(FAMILIES)
