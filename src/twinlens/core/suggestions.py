"""Error messages for unknown names, with the closest known one."""

from __future__ import annotations

from collections.abc import Collection

LISTED = 30
"""Known words in one line, where there can be any number of them."""


def unknown(what: str, word: str, known: Collection[str]) -> str:
    """Return one line: "unknown fusion 'gatte' (did you mean 'gate'?); known: concat, gate, sum"."""
    return f"unknown {what} {word!r}{closest(word, known)}; known: {listing(known)}"


def closest(word: str, known: Collection[str]) -> str:
    """Return " (did you mean 'gate'?)", or "" if no known word is close."""
    import difflib  # needed only after a mistyped name

    close = difflib.get_close_matches(word, list(known), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def unknown_among_many(what: str, word: str, known: Collection[str]) -> str:
    """Return the line of `unknown` with the closest words first, and no more than `LISTED`."""
    from difflib import SequenceMatcher

    def distance(name: str) -> tuple[float, int, str]:
        return -SequenceMatcher(None, name, word).ratio(), -_shared(name, word), name

    ordered = sorted(known, key=distance)
    rest = f" and {len(ordered) - LISTED:,} more" if len(ordered) > LISTED else ""
    close = closest(word, ordered[:1])
    return f"unknown {what} {word!r}{close}; known: {', '.join(ordered[:LISTED]) or 'none'}{rest}"


def listing(known: Collection[str]) -> str:
    """Return the known words, sorted and joined by commas."""
    return ", ".join(sorted(known)) or "none"


def _shared(one: str, other: str) -> int:
    """Count the letters that two names begin with alike."""
    return next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
