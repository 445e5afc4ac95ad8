"""Context-free rules that build a value, and a chart that applies them to words.

A pattern is a row of words and SYMBOLS: "there is AMOUNT KIND". `a|b` is one of several words, `[…]` may be left out,
and the value of a `~SYMBOL` is not handed on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

Build: TypeAlias = Callable[..., Any]
"""Builds the value of a rule from the values of its symbols, in their order."""
Span: TypeAlias = tuple[Any, int]
"""A value, and the number of the word after the last one that it was read from."""


MOST_STEPS = 60_000
"""Most steps of rules that are tried on a sentence, a third of a second; those of NLVR take 3,400 at most."""
MOST_NESTED = 50
"""Most symbols that are read inside each other, as Python's stack is finite; those of NLVR are 20 at most."""


@dataclass(frozen=True)
class Rule:
    """One way to read a symbol: steps, each a SYMBOL or a set of words, and what builds the value."""

    symbol: str
    steps: tuple[str | frozenset[str], ...]
    build: Build


class Chart:
    """All readings of the parts of one sentence, found once each; `exhausted` where they are too many to find.

    The readings of nested relations, "touching a circle touching a circle ...", double with each.
    """

    def __init__(self, rules: dict[str, list[Rule]], words: Sequence[str]) -> None:
        self.rules = rules
        self.words = words
        self.exhausted = False
        self._found: dict[tuple[str, int], list[Span]] = {}
        self._steps = self._depth = 0

    def spans(self, symbol: str, start: int) -> list[Span]:
        """List the readings of a symbol from a word on, those of earlier rules first; empty inside its own start."""
        key = (symbol, start)
        if key not in self._found:
            self._found[key] = []  # a rule that begins with its own symbol finds nothing
            self._depth += 1
            found = [
                (rule.build(*values), end)
                for rule in self.rules[symbol]
                for values, end in self._match(rule.steps, start, ())
            ]
            self._depth -= 1
            self._found[key] = [span for span in found if span[0] is not None]
        return self._found[key]

    def _match(
        self, steps: Sequence[str | frozenset[str]], start: int, values: tuple[Any, ...]
    ) -> Iterator[tuple[tuple[Any, ...], int]]:
        self._steps += 1
        self.exhausted = self.exhausted or self._steps > MOST_STEPS or self._depth > MOST_NESTED
        if self.exhausted:
            return
        if not steps:
            yield values, start
            return
        step, rest = steps[0], steps[1:]
        if isinstance(step, str):
            for value, end in self.spans(step.removeprefix("~"), start):
                yield from self._match(rest, end, values if step[0] == "~" else (*values, value))
        elif start < len(self.words) and self.words[start] in step:
            yield from self._match(rest, start + 1, values)


def same(value: Any) -> Any:
    """Build nothing: the value of a rule's only symbol is its own."""
    return value


def rule(symbol: str, pattern: str, build: Build) -> list[Rule]:
    """Make the rules of a pattern: one for each choice of its optional parts, the fullest first."""
    tokens = re.findall(r"\[|\]|[^\s\[\]]+", pattern)
    return [Rule(symbol, steps, build) for steps in _expand(tokens)]


def collect(*groups: list[Rule]) -> dict[str, list[Rule]]:
    """Sort rules by their symbol, in the order given."""
    rules: dict[str, list[Rule]] = {}
    for group in groups:
        for one in group:
            rules.setdefault(one.symbol, []).append(one)
    return rules


def _expand(tokens: Sequence[str]) -> list[tuple[str | frozenset[str], ...]]:
    if not tokens:
        return [()]
    first, rest = tokens[0], tokens[1:]
    if first != "[":
        step = first if first.removeprefix("~").replace("_", "").isupper() else frozenset(first.split("|"))
        return [(step, *steps) for steps in _expand(rest)]
    end = _closing(rest)
    tails = _expand(rest[end + 1 :])
    return [(*inner, *steps) for inner in (*_expand(rest[:end]), ()) for steps in tails]


def _closing(tokens: Sequence[str]) -> int:
    """Find the bracket that closes the one before these tokens."""
    open_brackets = 1
    for place, token in enumerate(tokens):
        open_brackets += {"[": 1, "]": -1}.get(token, 0)
        if open_brackets == 0:
            return place
    raise ValueError("a bracket of the pattern is not closed")
