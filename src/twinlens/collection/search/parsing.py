"""Parsing of conditions; `filters` describes the language."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime
from typing import NamedTuple

from twinlens.collection.search.nodes import Compare, Date, Every, Has, Node, Not, Some, Value
from twinlens.core.types import TwinlensError
from twinlens.media.fields import TAKEN

MAX_LENGTH, MAX_DEPTH = 10_000, 50
DATE_LOOKS = "a date such as 2019, 2019-05, 2019-05-31 or 2019-05-31T14:22"


def parse(text: str) -> Node:
    """Parse a condition. Raises TwinlensError with the position of the first fault."""
    if len(text) > MAX_LENGTH:
        raise TwinlensError(f"the condition has {len(text):,} characters, more than {MAX_LENGTH:,}")
    return _Parser(text).whole()


class _Token(NamedTuple):
    kind: str
    text: str
    start: int


_MONTH = r"\d{4}-\d\d(?:-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:Z|[+-]\d\d:\d\d)?)?)?)?"
"""A month, a day or a time, with seconds also with its zone."""
_DATE = re.compile(rf"\d{{4}}|{_MONTH}")
_TOKENS = re.compile(
    rf"""\s*(?:(?P<date>{_MONTH})(?![\d-])|"""
    r"""(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?P<number>-?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)"""
    r"""|(?P<quoted>`[^`"\\]+`)|(?P<name>[^\W\d]\w*(?:\.\w+)*)|(?P<sign>!=|<=|>=|[=<>(),]))""",
    re.DOTALL,
)
_KEYWORDS = frozenset({"and", "or", "not", "in", "like", "has", "true", "false"})
_SIGNS = frozenset({"=", "!=", "<", "<=", ">", ">="})


def _tokens(text: str) -> list[_Token]:
    found, at = [], 0
    while text[at:].strip():
        match = _TOKENS.match(text, at)
        if match is None or match.lastgroup is None:
            at += len(text[at:]) - len(text[at:].lstrip())
            raise TwinlensError(f"the condition has {text[at]!r} at character {at + 1}, which means nothing there")
        kind, word, at = match.lastgroup, match[match.lastgroup], match.end()
        if kind == "name" and word.lower() in _KEYWORDS:
            kind, word = "keyword", word.lower()
        found.append(_Token(kind, word, match.start(match.lastgroup)))
    return [*found, _Token("end", "the end", len(text))]


class _Parser:
    """Recursive descent, one method per rule; `at` is the token that comes next."""

    def __init__(self, text: str) -> None:
        self.tokens, self.at, self.depth = _tokens(text), 0, 0

    def whole(self) -> Node:
        node = self.some()
        if self.next.kind != "end":
            raise self.fault("and, or, or the end")
        return node

    @property
    def next(self) -> _Token:
        return self.tokens[self.at]

    def take(self, *words: str) -> bool:
        """Step over the next token if it is one of these keywords or signs."""
        taken = self.next.kind in ("keyword", "sign") and self.next.text in words
        self.at += taken
        return taken

    def expect(self, word: str) -> None:
        if not self.take(word):
            raise self.fault(repr(word))

    def fault(self, wanted: str) -> TwinlensError:
        return TwinlensError(
            f"the condition needs {wanted} at character {self.next.start + 1}, where {self.next.text} stands"
        )

    def some(self) -> Node:
        parts = [self.every()]
        while self.take("or"):
            parts.append(self.every())
        return Some(tuple(parts)) if len(parts) > 1 else parts[0]

    def every(self) -> Node:
        parts = [self.negation()]
        while self.take("and"):
            parts.append(self.negation())
        return Every(tuple(parts)) if len(parts) > 1 else parts[0]

    def negation(self) -> Node:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise TwinlensError(f"the condition is nested more than {MAX_DEPTH} deep")
        node = Not(self.negation()) if self.take("not") else self.single()
        self.depth -= 1
        return node

    def single(self) -> Node:
        if self.take("("):
            node = self.some()
            self.expect(")")
            return node
        if self.take("has"):
            return Has(self.field())
        return self.comparison(self.field())

    def comparison(self, field: tuple[str, ...]) -> Node:
        if self.take("not"):
            return Not(self.words(field))
        if self.next.kind == "sign" and self.next.text in _SIGNS:
            op = self.next.text
            self.at += 1
            value = self.value(field)
            return Not(Compare(field, "=", value)) if op == "!=" else Compare(field, op, value)
        return self.words(field)

    def words(self, field: tuple[str, ...]) -> Node:
        if self.take("in"):
            return self.listing(field)
        if self.take("has"):
            return Compare(field, "has", self.literal(field))
        if not self.take("like"):
            raise self.fault("one of = != < <= > >= in like has")
        if self.next.kind != "text":
            raise self.fault("a text in quotes")
        return Compare(field, "like", self.literal(field))

    def listing(self, field: tuple[str, ...]) -> Node:
        self.expect("(")
        values = [self.value(field)]
        while self.take(","):
            values.append(self.value(field))
        self.expect(")")
        return Some(tuple(Compare(field, "=", value) for value in values))

    def field(self) -> tuple[str, ...]:
        token = self.next
        if token.kind not in ("name", "quoted"):
            raise self.fault("a field")
        self.at += 1
        text = unicodedata.normalize("NFC", token.text)
        return (text[1:-1],) if token.kind == "quoted" else tuple(text.split("."))

    def value(self, field: tuple[str, ...]) -> Value:
        """Read a value; of the time of a picture a year and a date in quotes are dates too: taken >= 2019."""
        value, is_taken = self.literal(field), field == (TAKEN,)
        if is_taken and isinstance(value, str):
            return self.date(value) if _DATE.fullmatch(value) else value
        is_year = is_taken and not isinstance(value, Date) and re.fullmatch(r"\d{4}", str(value))
        return self.date(str(value)) if is_year else value

    def date(self, text: str) -> Date:
        """Build a date, its zone as collections have it. Raises TwinlensError for one that no calendar has."""
        written = text.replace(" ", "T").replace("Z", "+00:00")
        try:
            datetime.fromisoformat(written + "0000-01-01"[len(written) :])  # a year and a month by their first day
        except ValueError as error:
            at = self.tokens[self.at - 1].start + 1
            raise TwinlensError(f"the condition has {text} at character {at}, which is not {DATE_LOOKS}") from error
        return Date(written)

    def literal(self, field: tuple[str, ...]) -> Value:
        token = self.next
        if token.kind not in ("text", "number", "date") and token.text not in ("true", "false"):
            raise self.fault('a number, true, false or a "text"' if field != (TAKEN,) else DATE_LOOKS)
        self.at += 1
        if token.kind == "date":
            return self.date(token.text)
        if token.kind == "text":
            return re.sub(r"\\(.)", r"\1", token.text[1:-1], flags=re.DOTALL)
        if token.kind == "keyword":
            return token.text == "true"
        # More digits than 64 bits hold would be rounded in the collection too.
        whole = token.text.lstrip("-").isdigit() and len(token.text) < 19
        return int(token.text) if whole else float(token.text)
