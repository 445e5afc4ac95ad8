"""Reasons for a hit's place in words: the same line for tables, cards and cells."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def in_words(why: Mapping[str, Any], rank: int = 0) -> str:
    """Write the reasons of all stages as one line; empty where there are none.

    rank: the place of the answer; its place in the search is told only where it was another.
    """
    told = {stage: reason for stage, reason in why.items() if stage != "search" or reason.get("place") != rank}
    return "; ".join(f"{stage}: {_reason(reason)}" for stage, reason in told.items())


def _reason(reason: Mapping[str, Any]) -> str:
    if "abstains" in reason:
        return f"abstains, as {reason['abstains']}"
    if reason.get("facts"):
        return ", ".join(map(_fact, reason["facts"]))
    return ", ".join(f"{name.replace('_', ' ')} {_value(value)}" for name, value in reason.items() if value != [])


def _fact(fact: Mapping[str, Any]) -> str:
    found = "" if fact["found"] is None else f" ({fact['found']} found)"
    return f"“{fact['says'].rstrip('.')}” is {_value(fact['true'])}{found}"


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return f"{value:.3f}" if isinstance(value, float) else str(value)
