"""Text as people see it: nothing in it moves the cursor, reverses the direction of reading, or breaks a line."""

from __future__ import annotations

import re

ELLIPSIS = "…"
# Joiners that scripts and emoji need stay; controls, line separators, marks of direction, invisible operators, marks of
# byte order, annotations, and the halves of surrogate pairs, which no file can hold, do not.
_UNSEEN = re.compile(
    "[\0-\x1f\x7f-\x9f\u061c\u180e\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
)


def escaped(text: str, *, keep: str = "") -> str:
    r"""Return text with control and bidi characters as `\x1b` and `\u202e`, and bytes that are no text as `\xff`.

    keep: characters that stay as they are.
    """
    return _UNSEEN.sub(lambda found: found[0] if found[0] in keep else _escape(found), text)


def shortened(text: str, limit: int) -> str:
    """Cut text to at most `limit` characters, the last of them "…" where something is missing."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + ELLIPSIS


def shortened_within(text: str, limit: int) -> str:
    """Cut text to at most `limit` characters, "…" in its middle where something is missing: paths keep both ends."""
    if len(text) <= limit:
        return text
    end = (limit - 1) * 2 // 3  # the end of a path tells more
    return text[: limit - 1 - end] + ELLIPSIS + text[len(text) - end :]


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    if 0xDC80 <= code <= 0xDCFF:  # a byte of a name that is not UTF-8, as `os.fsdecode` hides it (PEP 383)
        return f"\\x{code - 0xDC00:02x}"
    return found[0].encode("unicode_escape").decode("ascii")
