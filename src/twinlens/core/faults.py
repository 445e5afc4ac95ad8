"""Faults that pydantic finds in values from outside, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twinlens.core.arguments import shown

_WANTED = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "string": "text",
    "tuple": "a list",
    "list": "a list",
    "dict": "a table of keys and values",
    "model": "a table of keys and values",
}
"""Phrases for the kind of value that is wanted, by the first word of the type of a fault."""
_BOUNDS = {
    "greater_than": "a number above {gt:g}",
    "greater_than_equal": "a number from {ge:g} on",
    "less_than": "a number below {lt:g}",
    "less_than_equal": "a number up to {le:g}",
    "literal_error": "one of {expected}",
    "too_short": "a list of {min_length} or more",
    "too_long": "a list of {max_length} or fewer",
}
"""Phrases for the bounds of what is wanted, by the type of a fault."""


def in_words(fault: Mapping[str, Any]) -> str:
    """Return what is wanted in place of a value that does not fit, such as "wants a whole number, not 'many'".

    fault: one of `ValidationError.errors()`. A fault that we have no words for keeps those of pydantic.
    """
    kind, given = str(fault["type"]), shown(fault.get("input"))
    if kind == "missing":
        return "is missing"
    if kind in _BOUNDS:
        bounds = fault.get("ctx", {})
        return f"wants {_BOUNDS[kind].format(**bounds)}, not {bounds.get('actual_length', given)}"
    word = kind.partition("_")[0]
    return f"wants {_WANTED[word]}, not {given}" if word in _WANTED else str(fault["msg"])
