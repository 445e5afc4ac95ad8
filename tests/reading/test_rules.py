from __future__ import annotations

import pytest

from twinlens.reading.grammar.rules import Chart, Rule, collect, rule, same


def readings(rules, words, symbol="S"):
    return [value for value, end in Chart(collect(rules), words.split()).spans(symbol, 0) if end == len(words.split())]


def test_a_pattern_has_one_rule_for_each_choice_of_its_optional_parts():
    patterns = [" ".join(next(iter(step)) for step in one.steps) for one in rule("S", "a [b [c]] d", list)]
    assert patterns == ["a b c d", "a b d", "a d"]


def test_symbols_hand_their_values_on_unless_silent():
    rules = [
        *rule("N", "one", lambda: 1),
        *rule("N", "two", lambda: 2),
        *rule("S", "N plus N", lambda a, b: a + b),
        *rule("S", "~N then N", same),
    ]
    assert readings(rules, "one plus two") == [3]
    assert readings(rules, "one then two") == [2]
    assert readings(rules, "one plus three") == []


def test_earlier_rules_come_first_and_none_is_no_reading():
    rules = [
        *rule("S", "a|b", lambda: None),
        *rule("S", "a", lambda: "first"),
        *rule("S", "a|c", lambda: "second"),
    ]
    assert readings(rules, "a") == ["first", "second"]
    assert readings(rules, "b") == []


def test_a_rule_that_begins_with_itself_ends():
    assert readings([*rule("S", "S a", same), Rule("S", (frozenset({"a"}),), lambda: 1)], "a") == [1]


def test_an_open_bracket_is_an_error():
    with pytest.raises(ValueError, match="bracket"):
        rule("S", "a [b", list)
