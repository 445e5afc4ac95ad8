from __future__ import annotations

import json

import pytest

from tests.adaptation.conftest import table
from twinlens.adaptation import Plan, decision, learn
from twinlens.adaptation.bounds import level_of
from twinlens.adaptation.held_out import HeldOut
from twinlens.adaptation.record import Attempt, Record, charge, keep_part
from twinlens.collection.store import ATTEMPTS, writing
from twinlens.core.types import TwinlensError

PART = HeldOut(0.25, frozenset({"1", "2", "9"}), frozenset({"3"}))


def test_parts_and_attempts_are_kept_beside_each_other(own):
    keep_part(own.folder, "captions by folder", PART)
    assert charge(own.folder, "one", {"seed": 3}) == Attempt(1, level_of(1), False)
    keep_part(own.folder, "triplets by folder", HeldOut(0.5))
    assert charge(own.folder, "two", {"seed": 4}) == Attempt(2, level_of(2), False)
    assert charge(own.folder, "one", {"seed": 3}) == Attempt(1, level_of(1), True)
    record = Record.read(own.folder)
    assert record.parts == {"captions by folder": PART, "triplets by folder": HeldOut(0.5)}
    assert record.attempts == ({"key": "one", "seed": 3}, {"key": "two", "seed": 4})
    assert own.verify() == []


def test_nothing_is_charged_while_another_writes(own):
    with writing(own.folder), pytest.raises(TwinlensError, match="is being written by process"):
        charge(own.folder, "one", {})
    assert not (own.folder / ATTEMPTS).exists()


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"version": 2}', '{"version": 1, "parts": {"a": 1}, "attempts": []}', '{"version": 1}']
)
def test_a_damaged_record_is_told_and_left_alone(own, text):
    (own.folder / ATTEMPTS).write_text(text, encoding="utf-8")
    with pytest.raises(TwinlensError, match=r"cannot read the record of attempts .*delete it, and attempts count"):
        charge(own.folder, "one", {})
    assert (own.folder / ATTEMPTS).read_text(encoding="utf-8") == text


def test_a_link_in_its_place_is_not_followed(own, tmp_path):
    (tmp_path / "elsewhere").write_text("mine", encoding="utf-8")
    (own.folder / ATTEMPTS).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(TwinlensError, match="follows no links"):
        charge(own.folder, "one", {})
    assert (tmp_path / "elsewhere").read_text(encoding="utf-8") == "mine"


def test_an_attempt_is_charged_before_it_is_measured(own, edited, monkeypatch):
    def killed(*args: object, **options: object) -> None:
        raise KeyboardInterrupt

    plan = Plan(triplets=table(edited.folder / "t.csv", edited.edits), epochs=1)
    monkeypatch.setattr(decision, "measure_variants", killed)
    with pytest.raises(KeyboardInterrupt):
        learn(own, plan)
    monkeypatch.undo()
    written = json.loads((own.folder / ATTEMPTS).read_text(encoding="utf-8"))
    assert [attempt["fusion"] for attempt in written["attempts"]] == ["combiner"]
    result, _ = learn(own, plan)
    assert result["attempt"]["number"] == 1 and result["attempt"]["is_repeat"]
