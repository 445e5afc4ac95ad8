"""What to say to a word that is not known."""

from __future__ import annotations

from collections.abc import Collection


def unknown(what: str, word: str, known: Collection[str]) -> str:
    """One line: "unknown fusion 'gatte' (did you mean 'gate'?); known: concat, gate, sum"."""
    return f"unknown {what} {word!r}{closest(word, known)}; known: {listing(known)}"


def closest(word: str, known: Collection[str]) -> str:
    """The tail " (did you mean 'gate'?)", or nothing when no known word is close."""
    import difflib  # only for those who mistyped

    close = difflib.get_close_matches(word, list(known), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def listing(known: Collection[str]) -> str:
    """The known words, sorted."""
    return ", ".join(sorted(known)) or "none"
